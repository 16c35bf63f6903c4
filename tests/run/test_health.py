"""The compiled loop sees a vertex that is behind the wall, and takes one beyond an opening for no such thing."""

from __future__ import annotations

from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np

from hemoflow import health
from hemoflow.build import Setup, make_plan, make_setup
from hemoflow.case import read_case
from hemoflow.run.chunk import inspect
from hemoflow.step import Observed


def bits(setup: Setup, vertex: tuple[float, float, float], alive: bool = True) -> int:
    """Error bits with the first vertex of the cell put to a place (lattice units)."""
    (cells,) = setup.state.cells
    offset = cells.offset.at[0, 0].set(jnp.asarray(vertex) - cells.anchor[0])
    moved = eqx.tree_at(lambda s: s.cells[0], setup.state, eqx.tree_at(lambda c: c.offset, cells, offset))
    moved = eqx.tree_at(lambda s: s.cells[0].alive, moved, jnp.array([alive]))
    return int(inspect(setup.model, moved, Observed(jnp.zeros(3), jnp.zeros(3), jnp.zeros(()))).bits)


def test_a_vertex_behind_the_wall_is_seen_unless_it_is_through_an_opening(small_case: Path) -> None:
    setup = make_setup(make_plan(read_case(small_case, [])))
    lumen = setup.plan.lumen
    # the tube before the neck: axis along x at this y and z, 6 um wide to the wall, ends half a spacing beyond the nodes
    y, z = 0.5 * (np.array(lumen.shape[1:]) - 1)
    assert not bits(setup, (2.0, y, z + 5.5)) & health.THROUGH_WALL
    assert bits(setup, (2.0, y, z + 6.4)) & health.THROUGH_WALL
    assert not bits(setup, (2.0, y, z + 6.4), alive=False) & health.THROUGH_WALL
    for beyond in (-0.8, -1.3, -2.5):
        assert not bits(setup, (beyond, y, z)) & health.THROUGH_WALL
