"""Decaying vortices: the viscosity, and that no axis and no moving frame is special."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hemoflow.build.fluid import Relaxation
from hemoflow.validate.flow import taylor_green
from hemoflow.validate.flow_cases import fluid_case
from hemoflow.validate.shapes import Room


def decay(axes: tuple[int, int], drift: float, tau: float, waves: tuple[int, int] = (1, 1), nodes: int = 32) -> float:
    """Decay rate of the kinetic energy over 2 nu k^2, for a vortex in the plane of two axes that drifts along the first."""
    size, wave = np.ones(3), 2.0 * np.pi / nodes
    size[list(axes)] = nodes
    case = fluid_case(Room((size[0], size[1], size[2])), 1.0, Relaxation(tau))
    x, y = (case.positions[:, a] for a in axes)
    (u, v, _), density = taylor_green(x, y, (waves[0] * wave, waves[1] * wave))
    start = np.zeros((3, len(x)))
    start[axes[0]], start[axes[1]] = u + drift, v
    case.set_velocity(start, density)
    rate = 2.0 * Relaxation(tau).viscosity * wave**2 * (waves[0] ** 2 + waves[1] ** 2)
    energies = []
    # The start at local equilibrium without strain is forgotten within some relaxation times.
    for steps in (max(round(0.2 / rate), 30), round(1.0 / rate)):
        case.advance(steps)
        swirl = np.array(case.velocity)
        swirl[axes[0]] -= drift
        energies.append(float((swirl**2).sum()))
    return math.log(energies[0] / energies[1]) / steps / rate


@pytest.mark.parametrize("tau", [0.6, 1.0])
def test_taylor_green_vortex_decays_with_the_viscosity(tau: float) -> None:
    # (k dx)^2 is 0.08 at 32 nodes; the scheme's error is a few hundredths of it.
    assert decay((0, 1), 0.0, tau) == pytest.approx(1.0, abs=0.005)


def test_error_of_the_decay_falls_with_the_square_of_the_node_spacing_at_long_relaxation_times() -> None:
    # At tau 2 a vortex of 16 nodes dies within a few steps: 32 and 64 nodes are the first in the asymptotic range.
    coarse, fine = (abs(decay((0, 1), 0.0, 2.0, nodes=nodes) - 1.0) for nodes in (32, 64))
    assert np.log2(coarse / fine) > 1.8


def test_vortices_decay_alike_in_every_plane() -> None:
    rates = [decay(axes, 0.0, 0.8, (2, 1)) for axes in ((0, 1), (1, 2), (2, 0), (1, 0))]
    assert rates == pytest.approx([rates[0]] * 4, rel=1e-9)


def test_a_drifting_vortex_decays_like_one_at_rest() -> None:
    # The lattice's own error is of the order of the drift speed squared, 3 u^2 = 0.0075.
    assert decay((0, 1), 0.05, 0.8) == pytest.approx(decay((0, 1), 0.0, 0.8), rel=0.0075)
