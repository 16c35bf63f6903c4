"""The fluid of the native tier: populations updated in place, with the links' slots beside them.

Between chunks a fluid is always in the canonical order of `FluidState`. Within a chunk the native kernel keeps one copy of the
populations in the slots of the AA pattern (Bailey et al. 2009): a population that arrives at a node and the one that leaves it the
opposite way share one slot, at the node itself before an even step and at the neighbour before an odd one. A missing neighbour
leaves both in the node's own slot, which is plain bounce-back; the links then rewrite it. Memory per fluid node is 76 bytes in
float32, and the table of neighbours, where 16 nodes whose slots follow each other need one number per direction: 5 bytes in
a box, at most 77.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from hemoflow.fluid.boundary import Links, OpeningMemory
from hemoflow.fluid.lattice import OPPOSITE
from hemoflow.native.calls import BLOCK, call, new, same


class Slots(eqx.Module):
    """Neighbour table and link slots.

    `base` (blocks, 18) and `spill` (rows, 16) as in native/src/kernels.hpp; `link_slot` and `link_upstream` (L,) flat slots;
    `count` nodes, `stride` slots per direction.
    """

    base: Array
    spill: Array
    link_slot: Array
    link_upstream: Array
    count: int = eqx.field(static=True)
    stride: int = eqx.field(static=True)


class InPlace(eqx.Module):
    """Populations in their slots (19, stride), what pressure openings carry on, and 1 where an odd step comes next."""

    slots: Array
    openings: OpeningMemory
    odd: Array


def make_slots(neighbours: NDArray[np.integer], links: Links) -> Slots:
    """The tables from the neighbour ids (19, N), -1 where there is none, and the links in canonical order."""
    count = neighbours.shape[1]
    stride = -(-count // BLOCK) * BLOCK
    shared = np.arange(19)[:, None] * stride + np.arange(stride)
    for i in range(1, 19):
        upstream = neighbours[OPPOSITE[i]]
        shared[i, :count] = np.where(upstream >= 0, OPPOSITE[i] * stride + upstream, shared[i, :count])
    rows = shared[1:].reshape(18, -1, BLOCK)
    straight = (np.diff(rows, axis=2) == 1).all(axis=2)
    number = np.cumsum(~straight.T.reshape(-1)).reshape(-1, 18) - 1
    base = np.where(straight.T, rows[:, :, 0].T, -1 - number)
    spill = rows.transpose(1, 0, 2)[~straight.T]
    back, out = np.asarray(links.back, np.int64), np.asarray(links.out, np.int64)
    return Slots(
        jnp.asarray(base, jnp.int32),
        jnp.asarray(spill if len(spill) else np.zeros((1, BLOCK)), jnp.int32),
        jnp.asarray(back // count * stride + back % count, jnp.int32),
        jnp.asarray(shared[out // count, out % count], jnp.int32),
        count,
        stride,
    )


def pull_source(slots: Slots) -> Array:
    """The table of `streaming.pull_table` (19, N), from the compact one."""
    lane = jnp.arange(BLOCK, dtype=jnp.int32)
    straight = slots.base[:, :, None] + lane
    listed = slots.spill[jnp.maximum(-1 - slots.base, 0)]
    shared = (
        jnp.where(slots.base[:, :, None] >= 0, straight, listed).transpose(1, 0, 2).reshape(18, -1)[:, : slots.count]
    )
    here = jnp.arange(slots.count, dtype=jnp.int32)
    direction = jnp.arange(1, 19, dtype=jnp.int32)[:, None]
    opposite = jnp.asarray(OPPOSITE[1:], jnp.int32)[:, None]
    missing = shared // slots.stride == direction
    source = jnp.where(missing, opposite * slots.count + here, direction * slots.count + shared % slots.stride)
    return jnp.concatenate([here[None], source])


def enter(slots: Slots, populations: Array, openings: OpeningMemory) -> InPlace:
    """Into the slots, from populations after collision (19, N)."""
    held = call(
        "import", new((19, slots.stride), populations.dtype), (populations, slots.base, slots.spill), count=slots.count
    )
    return InPlace(held, openings, jnp.ones(1, jnp.int32))


def leave(slots: Slots, held: InPlace) -> Array:
    """Populations after collision (19, N), out of the slots."""
    out = new((19, slots.count), held.slots.dtype)
    return call("export", out, (held.slots, held.odd, slots.base, slots.spill), count=slots.count)


def advance(
    slots: Slots,
    links: Links,
    rates: tuple[Array, Array, Array],
    held: InPlace,
    load: tuple[Array, Array | None],
    wanted: bool,
) -> tuple[InPlace, Array, Array]:
    """One step of the fluid: the new state, the velocity (3, N) where `wanted` (else empty), and the mass gained per link group.

    `rates`: even rate, odd rate, body force (3,) per drive of 1. `load`: the drive, and the force density (3, N) beside the
    body force or None.
    """
    drive, force = load
    even_rate, odd_rate, body_force = rates
    real = held.slots.dtype
    extra = jnp.zeros((3, 0), real) if force is None else force
    arguments = (
        held.slots, held.openings.strained, held.openings.slope, extra, held.odd, drive,
        jnp.atleast_1d(even_rate), jnp.atleast_1d(odd_rate), body_force, slots.base, slots.spill,
        slots.link_slot, slots.link_upstream, links.group, links.opening, links.retain, links.base, links.node, links.upstream,
        links.direction, links.reach, links.along, links.share, jnp.atleast_1d(links.wall_gain),
    )  # fmt: skip
    out = (
        same(held.slots), same(held.openings.strained), same(held.openings.slope),
        new((3, slots.count if wanted else 0), real), new((links.openings + 1,), real), new((links.count,), real),
    )  # fmt: skip
    done = call("step", out, arguments, {0: 0, 1: 1, 2: 2}, count=slots.count)
    return InPlace(done[0], OpeningMemory(done[1], done[2]), 1 - held.odd), done[3], done[4]
