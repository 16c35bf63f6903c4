"""Fluid alone: a full periodic box, and a network of capillaries that fills a few per cent of its box."""

from __future__ import annotations

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from hemoflow import native
from hemoflow.bench.machine import measure
from hemoflow.build.fluid import Condition, Relaxation, assemble_fluid
from hemoflow.fluid.boundary import make_links
from hemoflow.fluid.inplace import make_slots
from hemoflow.fluid.lattice import DIRECTIONS
from hemoflow.fluid.solver import Carried, Fluid, advance, begin, equilibrium_state
from hemoflow.fluid.streaming import pull_table
from hemoflow.geometry.read import read_vessel
from hemoflow.geometry.voxelise import voxelise
from hemoflow.resources import data_folder

VESSEL = "rat_brain_um.dgf"
VESSEL_SPACING = 0.5e-6


@dataclass(frozen=True)
class Timed:
    """A measured case: fluid nodes, steps, seconds, seconds of compiling, bytes that stay in memory, and what else is to be said."""

    nodes: int
    steps: int
    seconds: float
    compile_seconds: float
    memory: int
    extra: dict[str, float]


def box_neighbours(shape: tuple[int, int, int]) -> NDArray[np.int32]:
    """Neighbour ids (19, N) in a periodic box without walls."""
    ids = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    return np.stack([np.roll(ids, tuple(-d), (0, 1, 2)).ravel() for d in DIRECTIONS])


def box_fluid(shape: tuple[int, int, int], relaxation: Relaxation) -> Fluid:
    """A fluid in a periodic box, in the tier that is in use."""
    neighbours = box_neighbours(shape)
    none = np.zeros(0, int)
    links = make_links(
        none, none, np.zeros(0), (none, none.astype(bool), np.zeros((0, 3)), np.zeros((0, 3))), neighbours
    )
    real = jnp.result_type(float)
    table = make_slots(neighbours, links) if native.in_use() else pull_table(neighbours)
    odd = 0.5 + relaxation.magic / (relaxation.tau - 0.5)
    return Fluid(
        table, links, jnp.asarray(1.0 / relaxation.tau, real), jnp.asarray(1.0 / odd, real), jnp.zeros(3, real)
    )


@eqx.filter_jit(donate="none")
def _advance(fluid: Fluid, carried: Carried, drive: Array, steps: int) -> Carried:
    return jax.lax.fori_loop(0, steps, lambda _, held: advance(fluid, held, drive, None, False)[0], carried)


def _time(fluid: Fluid, nodes: int, steps: int, extra: dict[str, float] | None = None) -> Timed:
    real = jnp.result_type(float)
    x = np.random.default_rng(1).normal(0.0, 1e-3, (3, nodes))
    carried = begin(fluid, equilibrium_state(fluid, jnp.zeros(nodes, real), jnp.asarray(x, real)))
    drive = jnp.asarray(np.r_[1.0, 1e-3 * np.ones(fluid.links.openings), 1.0], real)
    held = _bytes(fluid) + _bytes(carried)
    seconds, compiling = measure(lambda: _advance(fluid, carried, drive, steps))
    return Timed(nodes, steps, seconds, compiling, held, extra or {})


def fluid_box(size: int | None, steps: int | None) -> Timed:
    """A periodic box of size^3 nodes (96)."""
    n = size or 96
    return _time(box_fluid((n, n, n), Relaxation(0.8)), n**3, steps or max(10, int(1.5e8 / n**3)))


def fluid_vessel(size: int | None, steps: int | None) -> Timed:
    """The shipped rat-brain capillaries, `size` nodes per 50 um (100: two per micrometre), driven by pressures."""
    spacing = VESSEL_SPACING * 100.0 / (size or 100)
    lumen = voxelise(read_vessel(data_folder("meshes") / VESSEL, "um"), spacing)
    conditions = {k: Condition("pressure") for k in range(len(lumen.openings))}
    fluid, _ = assemble_fluid(lumen, conditions, Relaxation(0.8))
    nodes = len(lumen.nodes)
    extra = {"box_fraction": nodes / float(np.prod(lumen.shape)), "links_per_node": fluid.links.count / nodes}
    return _time(fluid, nodes, steps or max(10, int(1e8 / nodes)), extra)


def _bytes(tree: object) -> int:
    return sum(int(leaf.nbytes) for leaf in jax.tree.leaves(tree) if hasattr(leaf, "nbytes"))
