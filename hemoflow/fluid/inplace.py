"""The fluid of the native tier: populations updated in place, and the tables that say where each lives.

Between chunks a fluid is always in the canonical order of `FluidState`. Within a chunk the native kernel keeps one copy of the
populations in the slots of the AA pattern (Bailey et al. 2009): a population that arrives at a node and the one that leaves it the
opposite way share one slot, at the node itself before an even step and at the neighbour before an odd one. A missing neighbour
leaves both in the node's own slot, which is plain bounce-back.

Blocks of 16 nodes are a vector of the processor. The neighbours of a row of nodes follow each other as well wherever
they exist, so that the table holds one number per direction for each piece of a block that lies in one row, and a mask.
Walls are treated within the sweep: their links are the bits of a second mask, with one number each. Openings, and what
moving walls add, go through a list before the sweep.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from hemoflow.fluid.boundary import LinkMemory, Links, given_back
from hemoflow.fluid.halo import Messages
from hemoflow.fluid.lattice import OPPOSITE
from hemoflow.fluid.thinning import RateTable
from hemoflow.native.calls import BLOCK, call, new, same, scratch, teams

Integers = NDArray[np.int64]


PLACES, SPREAD = 64, 27
"""Places of a first-level cache, in lines; multiples of 27 spread 19 lines evenly over them."""


class Blocks(eqx.Module):
    """The neighbour table, as in native/src/kernels.hpp: B blocks of P pieces.

    `base` and `shared` (P, 18), `first_piece` and `first_wall` (B + 1,), `lanes` (P,), `missing`, `wall` and `wall_from` (B, 18),
    `closed` (B,), `retain` (walls + padding,).
    """

    base: Array
    first_piece: Array
    first_wall: Array
    lanes: Array
    shared: Array
    missing: Array
    wall: Array
    wall_from: Array
    closed: Array
    retain: Array

    def arguments(self) -> tuple[Array, ...]:
        """In the order of the kernels."""
        return (
            self.base, self.first_piece, self.first_wall, self.lanes, self.shared, self.missing, self.wall,
            self.wall_from, self.closed, self.retain,
        )  # fmt: skip


class OtherLinks(eqx.Module):
    """Moving walls and openings, in the order and meaning of native/src/kernels.hpp."""

    moved: Array
    motion: Array
    slot: Array
    own: Array
    shared: Array
    opening: Array
    retain: Array
    base: Array
    corner: Array
    corner_retain: Array
    node: Array
    before: Array

    def arguments(self) -> tuple[Array, ...]:
        """In the order of the kernel."""
        return (
            self.moved, self.motion, self.slot, self.own, self.shared, self.opening, self.retain, self.base, self.corner,
            self.corner_retain, self.node, self.before,
        )  # fmt: skip


class Crossing(eqx.Module):
    """Where a lumen is split over devices: `halo` slots behind those of the nodes stand for slots of nodes of other devices.

    An even step touches none of them. Before an odd one `fetch` brings their contents, after it `restore` takes them back to
    where they belong. `pull` brings what arrives in canonical order, as in the pure-JAX tier.
    """

    fetch: Messages
    restore: Messages
    pull: Messages
    halo: int = eqx.field(static=True)


class Slots(eqx.Module):
    """Everything that the native step knows about its lumen, or about the part of it on this device."""

    blocks: Blocks
    others: OtherLinks
    count: int = eqx.field(static=True)
    crossing: Crossing | None = None

    @property
    def size(self) -> dict[str, int]:
        """For the kernels: nodes, and slots between those of one direction and of the next."""
        return {"count": self.count, "stride": stride(self.count)}


class InPlace(eqx.Module):
    """Populations in their slots (19 * stride,), behind them those of a halo, what links keep, and 1 where an odd step comes next."""

    slots: Array
    memory: LinkMemory
    odd: Array


def stride(count: int) -> int:
    """Slots from those of one direction to those of the next: vectors begin at a cache line, and the lines of a node are not all
    sought in the same few places of a cache, as they would be if this were a multiple of its size."""
    lines = -(-count // BLOCK)
    return BLOCK * (lines + (SPREAD - lines) % PLACES)


def _slot(flat: Integers, count: int) -> Integers:
    """Own slot of a population, from its flat index in canonical order."""
    direction, node = np.divmod(flat, count)
    return direction * stride(count) + node


def make_slots(neighbours: NDArray[np.integer], links: Links) -> Slots:
    """The tables from the neighbour ids (19, N), -1 where there is none, and the links in canonical order."""
    return tables(_shared(neighbours), neighbours[OPPOSITE] >= 0, links)


def tables(shared: Integers, comes: NDArray[np.bool_], links: Links) -> Slots:
    """The tables from the flat slot (19, N) that each node shares with its neighbour for every direction that arrives, its own
    where none `comes` (19, N), and the links."""
    count = shared.shape[1]
    exists = np.zeros((18, -(-count // BLOCK) * BLOCK), bool)
    exists[:, :count] = comes[1:]
    exists = exists.reshape(18, -1, BLOCK)
    number, base = _pieces(shared[1:], exists)
    bits = 1 << np.arange(BLOCK)
    first_piece = np.concatenate([[0], np.cumsum(number.max(axis=1) + 1)])
    lanes = np.zeros(first_piece[-1], np.int64)
    at = first_piece[:-1, None] + number
    np.bitwise_or.at(lanes, at.ravel()[:count], np.broadcast_to(bits, at.shape).ravel()[:count])

    back, node = np.divmod(np.asarray(links.back, np.int64), count)
    walls = np.flatnonzero((np.asarray(links.group) == 0) & (np.asarray(links.retain) != 0.0))
    order = walls[np.lexsort((node[walls], back[walls], node[walls] // BLOCK))]
    wall = np.zeros((len(number), 18), np.int64)
    np.bitwise_or.at(wall, (node[order] // BLOCK, back[order] - 1), bits[node[order] % BLOCK])
    held = np.bitwise_count(wall)
    walls_before = np.concatenate([[0], np.cumsum(np.bincount(node[order] // BLOCK, minlength=len(number)))])
    closed = exists.all(axis=(0, 2)) * (1 + (np.diff(first_piece) == 1))
    present, piece_of = (exists @ bits).T, np.repeat(np.arange(len(number)), np.diff(first_piece))
    used = np.append(np.full(len(number) - 1, bits.sum()), bits[: count - (len(number) - 1) * BLOCK].sum())
    blocks = Blocks(
        _int(base), _int(first_piece), _int(walls_before), _short(lanes), _short(lanes[:, None] & present[piece_of]),
        _short(used[:, None] & ~present), _short(wall), _short(np.cumsum(held, axis=1) - held), _short(closed),
        jnp.asarray(np.concatenate([np.asarray(links.retain)[order], np.zeros(BLOCK)]), links.retain.dtype),
    )  # fmt: skip
    return Slots(blocks, _others(links, shared, count), count)


def _shared(neighbours: NDArray[np.integer]) -> Integers:
    """Flat shared slot (19, N) of every direction; the rest population's is its own."""
    count = neighbours.shape[1]
    here, apart = np.arange(count), stride(count)
    shared = np.empty((19, count), np.int64)
    shared[0] = here
    for i in range(1, 19):
        upstream = neighbours[OPPOSITE[i]]
        shared[i] = np.where(upstream >= 0, OPPOSITE[i] * apart + upstream, i * apart + here)
    return shared


def _pieces(shared: Integers, exists: NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """Piece within its block of every lane (B, 16), and `base` of the pieces, block by block.

    A piece goes on as long as no direction's slots leave the row that they began.
    """
    _, blocks, _ = exists.shape
    start = np.zeros(exists.shape, np.int64)
    start.reshape(18, -1)[:, : shared.shape[1]] = shared
    start -= np.arange(BLOCK)
    number = np.zeros((blocks, BLOCK), np.int64)
    begun, row = np.zeros((18, blocks), bool), np.zeros((18, blocks), np.int64)
    kept, where = [], []
    for lane in range(BLOCK):
        here, there = exists[:, :, lane], start[:, :, lane]
        leaves = (here & begun & (there != row)).any(axis=0)
        kept.append(row[:, leaves].T)
        where.append(np.flatnonzero(leaves) * BLOCK + (number[leaves, lane - 1] if lane else 0))
        number[:, lane] = (number[:, lane - 1] if lane else 0) + leaves
        begun[:, leaves] = False
        row = np.where(here & ~begun, there, np.where(leaves, 0, row))
        begun |= here
    kept.append(row.T)
    where.append(np.arange(blocks) * BLOCK + number[:, -1])
    return number, np.concatenate(kept)[np.argsort(np.concatenate(where), kind="stable")]


def _others(links: Links, shared: Integers, count: int) -> OtherLinks:
    group, base, retain = np.asarray(links.group), np.asarray(links.base), np.asarray(links.retain)
    moved, through = np.flatnonzero((group == 0) & (base != 0.0)), np.flatnonzero(group > 0)
    back, out = np.asarray(links.back, np.int64), np.asarray(links.out, np.int64)[through]
    slot = _slot(back, count)
    seen, row = np.unique(np.concatenate([np.asarray(links.node), np.asarray(links.upstream)]), return_inverse=True)
    factors = np.zeros((19, count))
    factors.reshape(-1)[back[group == 0]] = retain[group == 0]
    ends = links.pressure_count
    return OtherLinks(
        _int(slot[moved]), jnp.asarray(base[moved]), _int(slot[through]), _int(_slot(out, count)), _int(shared[out // count, out % count]),
        _int(group[through] - 1), jnp.asarray(retain[through]), jnp.asarray(base[through]), _int(shared[:, seen.astype(np.int64)].T),
        jnp.asarray(factors[:, seen.astype(np.int64)].T, links.retain.dtype), _int(row[:ends]), _int(row[ends:]),
    )  # fmt: skip


def pull_source(slots: Slots) -> Array:
    """The table of `streaming.pull_table` (19, N), from the compact one."""
    return call("sources", new((19, slots.count), jnp.int32), slots.blocks.arguments(), **slots.size)


def enter(slots: Slots, populations: Array, memory: LinkMemory) -> InPlace:
    """Into the slots, from populations after collision (19, N)."""
    out = new((19 * stride(slots.count),), populations.dtype)
    held = call("import", out, (*slots.blocks.arguments(), populations), **slots.size)
    if slots.crossing is not None:
        held = jnp.concatenate([held, jnp.zeros(slots.crossing.halo, held.dtype)])
    return InPlace(held, memory, jnp.ones(1, jnp.int32))


def leave(slots: Slots, held: InPlace) -> Array:
    """Populations after collision (19, N), out of the slots."""
    arguments = (*slots.blocks.arguments(), held.slots, held.odd)
    return call("export", new((19, slots.count), held.slots.dtype), arguments, **slots.size)


def advance(
    slots: Slots,
    links: Links,
    rates: tuple[Array, Array, Array, RateTable | None],
    held: InPlace,
    load: tuple[Array, Array | None],
    wanted: bool,
) -> tuple[InPlace, Array, Array, Array]:
    """One step of the fluid: the new state, the velocity (3, N) where `wanted` (else empty), the mass gained per link group, and the
    even rate, of every node (N,) of a thinning fluid where `wanted`. With what crosses between devices before and after it.

    `rates`: even rate, odd rate, body force (3,) per drive of 1, and the table of rates where the viscosity depends on the shear rate.
    `load`: the drive, and the force density (3, N) beside the body force or None.
    """
    if slots.crossing is None:
        owed = held.memory.owed
        held, brought, velocity, flux, rate = _swept(slots, links, rates, held, load, wanted)
        return (_with_debt(held, owed, flux[0], brought) if links.count else held), velocity, flux, rate
    drive, force = load
    even_rate, odd_rate, body_force, thinning = rates
    if body_force.ndim == 2:  # nodes that only fill up must not move
        force = body_force * drive[-1] + (0.0 if force is None else force)
        body_force = jnp.zeros(3, body_force.dtype)
    odd = held.odd[0] == 1
    fetched = slots.crossing.fetch.deliver_if(odd, held.slots)
    held = InPlace(fetched, held.memory, held.odd)
    owed = held.memory.owed
    held, brought, velocity, flux, rate = _swept(
        slots, links, (even_rate, odd_rate, body_force, thinning), held, (drive, force), wanted
    )
    restored = slots.crossing.restore.deliver_if(odd, held.slots)
    sums = links.everywhere(jnp.concatenate([flux, brought]))
    flux, held = sums[:-2], InPlace(restored, held.memory, held.odd)
    return _with_debt(held, owed, flux[0], sums[-2:]), velocity, flux, rate


def _with_debt(held: InPlace, owed: Array, pushed: Array, brought: Array) -> InPlace:
    """The state with what walls owe after a step, in which they `brought` (2,) so much net and in size; see `boundary.settle`."""
    debt = jnp.stack([owed[0] + (brought[0] + pushed) - given_back(owed) * brought[1], brought[1]])
    return InPlace(held.slots, LinkMemory(held.memory.strained, held.memory.slope, debt), held.odd)


def _swept(
    slots: Slots,
    links: Links,
    rates: tuple[Array, Array, Array, RateTable | None],
    held: InPlace,
    load: tuple[Array, Array | None],
    wanted: bool,
) -> tuple[InPlace, Array, Array, Array, Array]:
    """The step of this device, second what its walls brought (2,), net and in size."""
    drive, force = load
    even_rate, odd_rate, body_force, thinning = rates
    real, memory = held.slots.dtype, held.memory
    none = jnp.zeros(0, real)
    table, limits, fineness = (thinning.rates, thinning.limits, thinning.fineness) if thinning else (none, none, 0)
    kept = (held.slots, memory.strained, memory.slope)
    arguments = (
        *slots.blocks.arguments(), *kept, given_back(memory.owed)[None], jnp.zeros((3, 0), real) if force is None else force,
        held.odd, drive, jnp.atleast_1d(even_rate), jnp.atleast_1d(odd_rate), table, limits, body_force, *slots.others.arguments(),
        links.direction, links.reach, links.along, links.share, jnp.atleast_1d(links.wall_gain),
    )  # fmt: skip
    seen = slots.count if wanted else 0
    fresh = (
        new((2,), real),
        new((3, seen), real),
        new((links.openings + 1,), real),
        new((seen if thinning else 0,), real),
    )
    moved, through = slots.others.moved.size, slots.others.slot.size
    room = scratch(2 * teams(slots.count) + teams(moved) + 3 * through)  # step_scratch in native/src/kernels.hpp
    at = len(slots.blocks.arguments())
    aliases = {at + k: k for k in range(len(kept))}
    done = call("step", (*map(same, kept), *fresh, room), arguments, aliases, **slots.size, fineness=fineness)
    held = InPlace(done[0], LinkMemory(done[1], done[2], memory.owed), 1 - held.odd)
    return held, done[3], done[4], done[5], done[6] if thinning else even_rate


def _short(values: NDArray[np.generic]) -> Array:
    return jnp.asarray(values, jnp.uint16)


def _int(values: NDArray[np.integer]) -> Array:
    return jnp.asarray(values, jnp.int32)
