"""Momentum that changes its sign from row to row and step to step, which lattice Boltzmann conserves, is not fed by stiff membranes."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow.build.fluid import Relaxation
from hemoflow.fluid.solver import equilibrium_state
from hemoflow.validate.capsules_in_fluid import Capsule, CapsuleCase, Flow, capsule_case
from hemoflow.validate.shapes import Room

AMPLITUDE = 1e-3


def staggered(case: CapsuleCase) -> float:
    """Mean of (-1)^y u_y over the fluid."""
    sign = 1.0 - 2.0 * (case.lumen.nodes[:, 1] % 2)
    return float(np.mean(sign * case.velocity[1]))


@pytest.mark.parametrize("modulus", [0.02, 0.1])
def test_a_stiff_capsule_does_not_feed_staggered_momentum(modulus: float) -> None:
    size = (16.0, 16.0, 16.0)
    flow = Flow(Room(size, ""), Relaxation(1.0), lambda x: np.zeros_like(x))
    case = capsule_case(flow, Capsule(5.0, (8.0, 8.0, 8.0), modulus))
    sign = 1.0 - 2.0 * (case.lumen.nodes[:, 1] % 2)
    start = jnp.asarray(AMPLITUDE * sign * np.array([[0.0], [1.0], [0.0]]))
    fluid = equilibrium_state(case.model.fluid, jnp.zeros(start.shape[1]), start)
    case.state = eqx.tree_at(lambda s: s.fluid, case.state, fluid)
    assert abs(staggered(case)) == pytest.approx(AMPLITUDE, rel=1e-3)
    case.advance(1000)
    assert abs(staggered(case)) <= 1.01 * AMPLITUDE
