"""A model and its state over several devices, and back.

Every device holds its own nodes with the links and openings at them. The cells, and the table that finds nodes, are held by all: each device
computes the membrane forces of every cell, spreads them onto its own nodes, and adds up with the others what its nodes say
about the velocity of a vertex. That costs every device the memory and the work of all cells, which is small beside the fluid for
tens of cells and not for blood at a physiological hematocrit.

Arrays of what is split have a leading axis of devices. Nodes and links are filled up to the same number on every device: a node too
many has no neighbour and rests, a link too many is plain bounce-back there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import numpy as np
from numpy.typing import NDArray

from hemoflow.fluid.boundary import LinkMemory, Links
from hemoflow.fluid.halo import Halo, Messages
from hemoflow.fluid.inplace import Slots, pull_source
from hemoflow.fluid.lattice import OPPOSITE
from hemoflow.fluid.layout import NodeLayout, Part
from hemoflow.fluid.solver import Fluid, FluidState
from hemoflow.model import Model, State
from hemoflow.parallel.partition import Integers, Partition, slabs

AXIS = "devices"
Anything = NDArray[Any]


@dataclass(frozen=True)
class Seats:
    """Where links go: `device` (L,) and `slot` (L,) there, for walls and velocity openings first and pressure links after
    `walls` of them; `size` nodes per device, with those that hold what fills links up; `devices` their number."""

    device: Integers
    slot: Integers
    walls: int
    pressures: int
    size: int
    devices: int


def split_model(model: Model, devices: int) -> tuple[Model, Partition, Seats]:
    """The model over a number of devices: its fluid and `layout.part.bounds` with a leading axis, the rest as it was."""
    nodes, links = np.asarray(model.layout.nodes), model.fluid.links
    partition = slabs(nodes, links, devices)
    seats = _seats(links, partition)
    table = model.fluid.table
    source = np.asarray(pull_source(table) if isinstance(table, Slots) else table, np.int64)
    fluid = Fluid(
        split_table(source, partition, seats.size),
        _split_links(links, partition, seats),
        *(_split_rate(rate, partition, seats.size) for rate in (model.fluid.even_rate, model.fluid.odd_rate)),
        partition.split(np.repeat(np.asarray(model.fluid.body_force)[:, None], len(nodes), axis=1), seats.size),
    )
    return Model(fluid, _split_layout(model.layout, partition, seats.size), model.groups, model.contact, model.kernel_width), partition, seats


def split_state(state: State, partition: Partition, seats: Seats) -> State:
    """A state over the devices; cells and bonds as they were."""
    memory = state.fluid.memory
    own = [_at_seats(np.asarray(part), seats) for part in (memory.strained, memory.slope)]
    owed = np.repeat(np.asarray(memory.owed)[None], partition.devices, axis=0)
    fluid = FluidState(partition.split(np.asarray(state.fluid.populations), seats.size), LinkMemory(*own, owed))  # type: ignore[arg-type]
    return State(fluid, state.cells, state.bonds)


def whole_state(state: State, partition: Partition, seats: Seats) -> State:
    """The state of a lumen in one piece, on the host, in canonical order."""
    memory = state.fluid.memory
    ends = np.flatnonzero(seats.slot >= seats.walls)
    where = seats.device[ends], seats.slot[ends] - seats.walls
    own = [np.asarray(part)[where] for part in (memory.strained, memory.slope)]
    kept = LinkMemory(*own, np.asarray(memory.owed)[0])  # type: ignore[arg-type]
    return State(FluidState(partition.whole(np.asarray(state.fluid.populations)), kept), state.cells, state.bonds)  # type: ignore[arg-type]


def split_table(source: Integers, partition: Partition, size: int) -> Halo:
    """The pull tables of all devices from that of the whole lumen (19, N)."""
    count, devices = source.shape[1], partition.devices
    direction = np.arange(19)[:, None]
    gone, origin = np.divmod(source, count)
    owner, local = partition.owner, partition.local
    crosses = owner[origin] != owner
    inside = np.where(crosses, OPPOSITE[direction] * size + local, gone * size + local[origin])
    table = np.repeat((OPPOSITE[:, None] * size + np.arange(size))[None], devices, axis=0)
    table[owner, :, local] = inside.T
    i, node = np.nonzero(crosses)
    ends = owner[origin[i, node]], owner[node]
    leave, land = i * size + local[origin[i, node]], i * size + local[node]
    return Halo(_int(table), messages(ends, (leave, land), devices, 19 * size))


def messages(ends: tuple[Integers, Integers], indices: tuple[Integers, Integers], devices: int, behind: int) -> Messages:
    """Messages from populations (device from, device to) with their flat indices there; `behind` is an index of none."""
    start, stop = ends
    step = (stop - start) % devices
    leave, land, routes = [], [], []
    for shift in np.unique(step):
        mine = np.flatnonzero(step == shift)
        mine = mine[np.lexsort((indices[1][mine], start[mine]))]
        sent = np.bincount(start[mine], minlength=devices)
        place = np.arange(len(mine)) - np.repeat(np.cumsum(sent) - sent, sent)
        out = np.zeros((devices, sent.max()), np.int64)
        into = np.full((devices, sent.max()), behind)
        out[start[mine], place] = indices[0][mine]
        into[stop[mine], place] = indices[1][mine]
        leave.append(_int(out))
        land.append(_int(into))
        routes.append(tuple((int(k), int((k + shift) % devices)) for k in np.flatnonzero(sent)))
    return Messages(tuple(leave), tuple(land), tuple(routes), AXIS)  # type: ignore[arg-type]


def _seats(links: Links, partition: Partition) -> Seats:
    node = np.asarray(links.back, np.int64) % len(partition.owner)
    device = partition.owner[node]
    pressure = np.arange(links.count) >= links.count - links.pressure_count
    numbers = [np.bincount(device[kind], minlength=partition.devices) for kind in (~pressure, pressure)]
    walls, pressures = (int(n.max(initial=0)) for n in numbers)
    slot = np.zeros(links.count, np.int64)
    for kind, begin, number in zip((~pressure, pressure), (0, walls), numbers, strict=True):
        order = np.argsort(device[kind], kind="stable")
        rank = np.concatenate([np.arange(n) for n in number])
        slot[np.flatnonzero(kind)[order]] = begin + rank
    filled = walls + pressures - numbers[0] - numbers[1]
    return Seats(device, slot, walls, pressures, int((partition.counts + -(-filled // 18)).max()), partition.devices)


def _split_links(links: Links, partition: Partition, seats: Seats) -> Links:
    count, size, devices = len(partition.owner), seats.size, partition.devices
    total = seats.walls + seats.pressures
    out, back = _resting_links(partition, seats)
    for flat, given in ((out, links.out), (back, links.back)):
        direction, node = np.divmod(np.asarray(given, np.int64), count)
        flat[seats.device, seats.slot] = direction * size + partition.local[node]
    every = {name: _at_seats(np.asarray(getattr(links, name)), seats, total) for name in ("retain", "base", "group", "opening")}
    ends = ("direction", "reach", "along", "share")
    pressure = {name: _at_seats(np.asarray(getattr(links, name)), seats) for name in ends}
    spare = (back % size)[:, seats.walls :]
    upstream = spare.copy()
    mine = np.flatnonzero(seats.slot >= seats.walls)
    upstream[seats.device[mine], seats.slot[mine] - seats.walls] = partition.local[np.asarray(links.upstream)]
    walls = np.where(np.asarray(links.group) == 0, np.asarray(links.base, float), 0.0)
    gain = np.bincount(seats.device, walls, minlength=devices).astype(np.asarray(links.wall_gain).dtype)
    return Links(
        _int(out), _int(back), **every, node=_int(spare), upstream=_int(upstream), **pressure, wall_gain=gain,  # type: ignore[arg-type]
        count=total, pressure_count=seats.pressures, openings=links.openings, devices=AXIS,
    )  # fmt: skip


def _resting_links(partition: Partition, seats: Seats) -> tuple[Integers, Integers]:
    """`out` and `back` (D, links) of links at the nodes that rest, as if all links of all devices were such; each has 18."""
    total = seats.walls + seats.pressures
    taken = np.zeros((partition.devices, total), bool)
    taken[seats.device, seats.slot] = True
    rank = np.cumsum(~taken, axis=1) - 1
    direction = rank % 18 + 1
    node = np.where(taken, 0, partition.counts[:, None] + rank // 18)
    return direction * seats.size + node, OPPOSITE[direction] * seats.size + node


def _at_seats(values: Anything, seats: Seats, total: int | None = None) -> Anything:
    """Values of all links (L,), or of the pressure links where no `total` is given, as (D, links), zero where a link rests."""
    device, slot, length = seats.device, seats.slot, total
    if length is None:
        mine = np.flatnonzero(slot >= seats.walls)
        device, slot, length = device[mine], slot[mine] - seats.walls, seats.pressures
    out = np.zeros((seats.devices, length), values.dtype)
    out[device, slot] = values
    return out


def _split_rate(rate: Any, partition: Partition, size: int) -> Anything:
    """A rate for every device; nodes that rest take that of their device's first node."""
    values = np.asarray(rate)
    if values.ndim == 0:
        return np.repeat(values, partition.devices)
    parts = np.asarray(partition.split(values, size))
    rests = np.arange(size) >= partition.counts[:, None]
    return np.where(rests, parts[:, :1], parts)


def _split_layout(layout: NodeLayout, partition: Partition, size: int) -> NodeLayout:
    """The layout with ids given device by device."""
    order, rest = partition.order, np.arange(layout.count, layout.count + layout.band_count + 1)
    new = np.concatenate([np.argsort(order), rest]).astype(np.int32)
    old = np.concatenate([order, rest])
    part = Part(partition.bounds.astype(np.int32), size, AXIS)  # type: ignore[arg-type]
    return eqx.tree_at(
        lambda a: (a.blocks, a.nodes, a.wall_distance, a.part),
        layout,
        (new[np.asarray(layout.blocks)], np.asarray(layout.nodes)[order], np.asarray(layout.wall_distance)[old], part),
        is_leaf=lambda a: a is None,
    )


def _int(values: NDArray[np.integer]) -> Any:
    return values.astype(np.int32)
