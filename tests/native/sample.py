"""Fluids, node tables and points on awkward shapes and sparse masks, in both tiers, for the tests of compiled kernels."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow.fluid.boundary import LinkMemory, make_links
from hemoflow.fluid.inplace import make_slots
from hemoflow.fluid.lattice import DIRECTIONS
from hemoflow.fluid.layout import NodeLayout, make_layout
from hemoflow.fluid.solver import Fluid, FluidState, advance_with_rate, begin, finish
from hemoflow.fluid.streaming import pull_table
from hemoflow.fluid.thinning import make_rate_table
from hemoflow.rheology import CarreauYasuda

SHAPES = [((5, 7, 3), 1.0), ((1, 1, 17), 1.0), ((16, 16, 16), 1.0), ((19, 11, 23), 0.5), ((33, 9, 10), 0.08)]
PRECISIONS = [(jnp.float32, 1e-6), (jnp.float64, 1e-14)]

# A few of all combinations for tests of devices, since every shape and precision is compiled anew.
FLUIDS: list[Any] = [
    ((5, 7, 3), 1.0, 0, 2, False, "constant"),
    ((16, 16, 16), 1.0, 1, 5, True, "per node"),
    ((19, 11, 23), 0.5, 0, 5, True, "per node"),
    ((33, 9, 10), 0.08, 1, 2, False, "thinning"),
]
"""Shape, part of it that is fluid, index of the precision, steps, whether there are forces, viscosity."""
POINTS: list[Any] = [(3, 0, (True, False, True), 0), (4, 1, (False,) * 3, 2)]
"""Width of the kernel, index of the precision, periodic axes, axis of the rows."""


def neighbours_of(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Ids (19, N) of the neighbours of every node in a periodic mask, -1 where there is none."""
    ids = np.where(mask, np.cumsum(mask.ravel()).reshape(mask.shape) - 1, -1)
    return np.stack([np.roll(ids, tuple(-d), (0, 1, 2))[mask] for d in DIRECTIONS])


BLOOD = CarreauYasuda(0.9, 0.06, 3e3, 0.3568)


def twins(
    shape: tuple[int, int, int], fill: float, real: jnp.dtype, viscosity: str = "constant"
) -> tuple[Fluid, Fluid, FluidState]:
    """One fluid on a random mask in both tiers, with walls, a velocity opening and a pressure opening on its links, and a random state."""
    rng = np.random.default_rng(sum(shape))
    mask = rng.random(shape) < fill
    mask.flat[0] = True
    neighbours = neighbours_of(mask)
    nodes = neighbours.shape[1]
    direction, node = np.nonzero(neighbours < 0)
    opening = rng.choice([-1, -1, -1, 0, 1], len(node))
    normal = np.tile([1.0, 0.0, 0.0], (len(node), 1))
    with jax.enable_x64(real == jnp.float64):
        links = make_links(
            node, direction, rng.uniform(0.01, 1.0, len(node)),
            (opening, opening == 1, rng.normal(0, 0.01, (len(node), 3)) * rng.integers(0, 2, (len(node), 1)), normal), neighbours,
        )  # fmt: skip
        rates = [rng.uniform(0.6, 1.6, nodes if viscosity == "per node" else ()) for _ in range(2)]
        rest: list[Any] = [jnp.asarray(r, real) for r in rates] + [jnp.asarray([1e-4, -2e-4, 3e-4], real)]
        rest += [make_rate_table(BLOOD, 0.1875)] if viscosity == "thinning" else []
        memory = [jnp.asarray(rng.normal(0, 1e-3, links.pressure_count), real) for _ in range(2)]
        state = FluidState(
            jnp.asarray(rng.normal(0, 0.01, (19, nodes)), real), LinkMemory(*memory, jnp.asarray([1e-4, 0.3], real))
        )
        return Fluid(pull_table(neighbours), links, *rest), Fluid(make_slots(neighbours, links), links, *rest), state


def after(
    fluid: Fluid, state: FluidState, steps: int, forced: bool
) -> tuple[FluidState, jax.Array, jax.Array, jax.Array]:
    """State, and velocity, flux and even rate of the last step."""
    carried = begin(fluid, state)
    real, count = state.populations.dtype, state.populations.shape[1]
    drive = jnp.asarray(np.r_[np.ones(1), 0.7 * np.ones(fluid.links.openings), 0.5], real)
    force = jnp.asarray(np.random.default_rng(5).normal(0, 1e-3, (3, count)), real) if forced else None
    for _ in range(steps):
        carried, velocity, flux, rate = advance_with_rate(fluid, carried, drive, force)
    return finish(fluid, carried), velocity, flux, rate


def layouts(real: jnp.dtype, periodic: tuple[bool, bool, bool], row_axis: int = 2) -> tuple[NodeLayout, NodeLayout]:
    """One layout in both tiers, sparse in one half and full in the other, with nodes in rows along an axis."""
    rng = np.random.default_rng(2)
    shape = (11, 9, 21)
    mask = rng.random(shape) < 0.6
    mask[:, :, 9:] = True
    nodes, band = np.argwhere(mask), np.argwhere(~mask)
    nodes = nodes[np.lexsort((nodes[:, row_axis], nodes[:, (row_axis + 2) % 3], nodes[:, (row_axis + 1) % 3]))]
    with jax.enable_x64(real == jnp.float64):
        parts = (nodes, rng.uniform(0.1, 3, len(nodes)), band, rng.uniform(0.1, 1, len(band)), (shape, periodic))
        return make_layout(*parts), make_layout(*parts, native=True)
