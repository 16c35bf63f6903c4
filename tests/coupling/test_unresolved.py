"""What the lattice cannot carry: the motion that forces finer than the node spacing would cause."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest
from numpy.typing import NDArray

from hemoflow.cells.mesh import device_mesh
from hemoflow.cells.surface import Surface, icosphere
from hemoflow.cells.topology import build_topology
from hemoflow.coupling.unresolved import unresolved_velocity


def response(surface: Surface, traction: NDArray[np.float64], viscosity: float = 1.0) -> NDArray[np.float64]:
    """Velocity (V, 3) under a traction (V, 3)."""
    x, faces = surface.vertices, surface.faces
    normal = np.cross(x[faces[:, 1]] - x[faces[:, 0]], x[faces[:, 2]] - x[faces[:, 0]])
    area = 0.5 * np.linalg.norm(normal, axis=1)
    share = np.zeros(len(x))
    np.add.at(share, faces, area[:, None] / 3.0)
    force = jnp.asarray((traction * share[:, None])[None])
    mesh = device_mesh(build_topology(surface, True))
    return np.asarray(unresolved_velocity(jnp.asarray(x[None]), force, mesh, jnp.asarray(viscosity))[0])


def test_a_uniform_traction_causes_no_motion() -> None:
    assert np.abs(response(icosphere(6, 5.0), np.ones((362, 3)))).max() < 1e-5


@pytest.mark.parametrize("viscosity", [0.1, 1.0])
def test_a_force_at_one_vertex_moves_it_along_less_than_stokes_flow_moves_a_disc_of_its_size(
    viscosity: float,
) -> None:
    surface = icosphere(8, 8.0)
    traction = np.zeros_like(surface.vertices)
    traction[100] = surface.vertices[100] / 8.0
    moved = response(surface, traction, viscosity)
    # the middle of a disc of radius a under a uniform normal traction f in unbounded fluid moves at f a / (4 mu)
    spacing = np.sqrt(4 * np.pi * 64.0 / len(surface.vertices))
    disc = spacing / np.sqrt(np.pi) / (4.0 * viscosity)
    # the lattice carries the other part
    assert 0.2 * disc < moved[100] @ traction[100] < disc


def test_it_never_puts_energy_in() -> None:
    surface = icosphere(6, 5.0)
    for seed in range(5):
        traction = np.random.default_rng(seed).normal(size=surface.vertices.shape)
        assert np.sum(response(surface, traction) * traction) > 0.0


def test_on_a_smooth_load_it_vanishes_with_the_third_power_of_the_vertex_spacing() -> None:
    sizes = []
    for frequency in (6, 12):
        surface = icosphere(frequency, 1.0)
        z = surface.vertices[:, 2:]
        sizes.append(np.linalg.norm(response(surface, (3.0 * z**2 - 1.0) * surface.vertices), axis=1).mean())
    # Stokes flow moves this load at about 1/5 (traction over 4 mu k with k near 2)
    assert sizes[0] < 0.02 * 0.2
    assert sizes[0] / sizes[1] > 6.0
