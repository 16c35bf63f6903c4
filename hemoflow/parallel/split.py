"""A model and its state over several devices, and back.

Every device holds its own nodes with the links and openings at them. The cells, and the table that finds nodes, are held by all: each
device computes the membrane forces of every cell, spreads them onto its own nodes, and adds up with the others what its nodes say about
the velocity of a vertex. That costs every device the memory and the work of all cells, which is small beside the fluid for tens of cells
and not for blood at a physiological hematocrit.

Arrays of what is split have a leading axis of devices. Nodes and links are filled up to the same number on every device: a node too many
has no neighbour and rests, a link too many is plain bounce-back there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np
from numpy.typing import NDArray

from hemoflow.fluid.boundary import LinkMemory
from hemoflow.fluid.inplace import Slots, pull_source
from hemoflow.fluid.layout import NodeLayout, Part
from hemoflow.fluid.solver import Fluid, FluidState
from hemoflow.model import Model, State
from hemoflow.parallel.crossing import Table
from hemoflow.parallel.partition import Integers, Partition, slabs
from hemoflow.parallel.seats import AXIS, Seats, find_seats, split_links


@dataclass(frozen=True)
class Split:
    """Who holds what: nodes, links, and how many populations `cross` (D,) to each device in one step, on average where tiers differ."""

    partition: Partition
    seats: Seats
    cross: Integers


def split_model(model: Model, devices: int) -> tuple[Model, Split]:
    """The model over a number of devices, in the tier it was built for: its fluid and `layout.part.bounds` with a leading axis, the rest
    as it was."""
    nodes, fluid = np.asarray(model.layout.nodes), model.fluid
    partition = slabs(nodes, fluid.links, devices)
    seats = find_seats(fluid.links, partition)
    native = isinstance(fluid.table, Slots)
    source = np.asarray(pull_source(fluid.table) if isinstance(fluid.table, Slots) else fluid.table, np.int64)
    table, links = Table(source, partition, seats), split_links(fluid.links, partition, seats)
    parts = Fluid(
        table.slots(links) if native else table.halo(),
        links,
        _split_rate(fluid.even_rate, partition, seats.size),
        _split_rate(fluid.odd_rate, partition, seats.size),
        _split_force(np.asarray(fluid.body_force), partition, seats.size),
        jax.tree.map(lambda a: np.repeat(np.asarray(a)[None], devices, axis=0), fluid.thinning),
    )
    layout = _split_layout(model.layout, partition, seats.size)
    split = Split(partition, seats, np.bincount(table.post.stop, minlength=devices))
    return Model(parts, layout, model.groups, model.contact, model.kernel_width, model.outlets, model.bodies), split


def split_state(state: State, split: Split) -> State:
    """A state over the devices; cells and bonds as they were."""
    memory = state.fluid.memory
    seats, partition = split.seats, split.partition
    strained, slope = (seats.of_pressure(np.asarray(part)) for part in (memory.strained, memory.slope))
    owed = np.repeat(np.asarray(memory.owed)[None], partition.devices, axis=0)
    h = partition.split(np.asarray(state.fluid.populations), seats.size)
    fluid = FluidState(h, LinkMemory(strained, slope, owed))  # type: ignore[arg-type]
    return State(fluid, state.cells, state.bonds, state.outlets, state.bodies)


def whole_state(state: State, split: Split) -> State:
    """The state of a lumen in one piece, on the host, in canonical order."""
    memory = state.fluid.memory
    seats, partition = split.seats, split.partition
    strained, slope = (seats.back(part) for part in (memory.strained, memory.slope))
    h, owed = partition.whole(np.asarray(state.fluid.populations)), np.asarray(memory.owed)[0]
    fluid = FluidState(h, LinkMemory(strained, slope, owed))  # type: ignore[arg-type]
    return State(fluid, state.cells, state.bonds, state.outlets, state.bodies)


def _split_force(force: NDArray[Any], partition: Partition, size: int) -> Any:
    """The body force at the nodes of every device, none at nodes at rest; one vector where there is none at all."""
    if not force.any():
        return np.zeros((partition.devices, 3), force.dtype)
    return np.asarray(partition.split(np.repeat(force[:, None], len(partition.owner), axis=1), size))


def _split_rate(rate: Any, partition: Partition, size: int) -> Any:
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
