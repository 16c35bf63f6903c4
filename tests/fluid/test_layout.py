"""Lattice positions find their nodes, across periodic edges too, and nothing else."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from hemoflow.build.fluid import Relaxation, assemble_fluid
from hemoflow.geometry.voxelise import voxelise
from hemoflow.validate.shapes import Duct, circle


def test_every_position_finds_its_own_node_and_solid_ones_none() -> None:
    lumen = voxelise(Duct(circle(5.3), 10.0), 1.0)
    _, layout = assemble_fluid(lumen, {}, Relaxation(1.0))
    count = len(lumen.nodes)
    assert np.array_equal(layout.find(jnp.asarray(lumen.nodes)), np.arange(count))
    around = jnp.asarray(lumen.nodes) + jnp.array([30, 0, 0])
    assert np.array_equal(layout.find(around), np.arange(count)), "three lengths further lies the same node"
    band = np.asarray(layout.find(jnp.asarray(lumen.band)))
    assert np.all(band >= count) and np.all(band < count + layout.band_count)
    assert np.all(np.asarray(layout.find(jnp.array([[0, -5, 0], [0, 3, 400]]))) == count + layout.band_count)


def test_wall_distance_is_positive_in_the_lumen_and_negative_behind_the_wall() -> None:
    lumen = voxelise(Duct(circle(5.3), 4.0), 1.0)
    _, layout = assemble_fluid(lumen, {}, Relaxation(1.0))
    distance = np.asarray(layout.wall_distance)
    count = len(lumen.nodes)
    radius = np.linalg.norm(lumen.position(lumen.nodes)[:, 1:], axis=1)
    assert np.allclose(distance[:count], 5.3 - radius)
    assert np.all(distance[count:] <= 0.0)
