"""Where the links of each device are kept: as many of each kind on every device, links at rest filling up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.fluid.boundary import Links
from hemoflow.fluid.lattice import OPPOSITE
from hemoflow.parallel.partition import Integers, Partition

AXIS = "devices"


@dataclass(frozen=True)
class Seats:
    """Where links go: `device` (L,) and `slot` (L,) there. `kinds` counts the slots of walls, velocity openings and pressure openings, in
    this order and the same on every one of the `devices`; `size` nodes per device, with those at rest that hold links at rest."""

    device: Integers
    slot: Integers
    kinds: tuple[int, int, int]
    size: int
    devices: int

    def all(self, values: NDArray[Any]) -> Any:
        """Values of all links (L,) as (D, slots), zero where a link rests."""
        out = np.zeros((self.devices, sum(self.kinds)), values.dtype)
        out[self.device, self.slot] = values
        return out

    def of_pressure(self, values: NDArray[Any]) -> Any:
        """Values of the pressure links (P,) as (D, slots of theirs), zero where a link rests."""
        out = np.zeros((self.devices, self.kinds[2]), values.dtype)
        out[self._pressure] = values
        return out

    def back(self, parts: Any) -> Any:
        """Values of the pressure links (P,) from those of all devices."""
        return np.asarray(parts)[self._pressure]

    @property
    def _pressure(self) -> tuple[Integers, Integers]:
        before = self.kinds[0] + self.kinds[1]
        mine = np.flatnonzero(self.slot >= before)
        return self.device[mine], self.slot[mine] - before


def find_seats(links: Links, partition: Partition) -> Seats:
    """Seats of all links at the devices of their nodes."""
    node = np.asarray(links.back, np.int64) % len(partition.owner)
    device = partition.owner[node]
    kind = np.where(np.asarray(links.group) > 0, 1, 0)
    kind[links.count - links.pressure_count :] = 2
    numbers = np.zeros((3, partition.devices), np.int64)
    np.add.at(numbers, (kind, device), 1)
    kinds = numbers.max(axis=1)
    order = np.lexsort((device, kind))
    rank = np.empty(links.count, np.int64)
    rank[order] = np.concatenate([np.arange(n) for n in numbers.ravel()])
    filled = (kinds[:, None] - numbers).sum(axis=0)
    size = int((partition.counts + -(-filled // 18)).max())
    slot = (np.cumsum(kinds) - kinds)[kind] + rank
    return Seats(device, slot, (int(kinds[0]), int(kinds[1]), int(kinds[2])), size, partition.devices)


def split_links(links: Links, partition: Partition, seats: Seats) -> Links:
    """The links of every device, each array with a leading axis of devices."""
    count, size = len(partition.owner), seats.size
    before = seats.kinds[0] + seats.kinds[1]
    out, back = _at_rest(partition, seats)
    for flat, given in ((out, links.out), (back, links.back)):
        direction, node = np.divmod(np.asarray(given, np.int64), count)
        flat[seats.device, seats.slot] = direction * size + partition.local[node]
    every = {name: seats.all(np.asarray(getattr(links, name))) for name in ("retain", "base")}
    ends = {
        name: seats.of_pressure(np.asarray(getattr(links, name))) for name in ("direction", "reach", "along", "share")
    }
    group = np.repeat((np.arange(before + seats.kinds[2]) >= seats.kinds[0])[None], seats.devices, axis=0).astype(
        np.int32
    )
    group[seats.device, seats.slot] = np.asarray(links.group)
    node = (back % size)[:, before:]
    upstream = np.where(ends["share"] == 0, node, seats.of_pressure(partition.local[np.asarray(links.upstream)]))
    walls = np.where(np.asarray(links.group) == 0, np.asarray(links.base, float), 0.0)
    gain = np.bincount(seats.device, walls, minlength=seats.devices).astype(np.asarray(links.wall_gain).dtype)
    arrays = {
        **every,
        **ends,
        "out": _int(out),
        "back": _int(back),
        "node": _int(node),
        "upstream": _int(upstream),
        "wall_gain": gain,
    }
    return Links(
        **arrays, group=group, opening=group - 1, count=before + seats.kinds[2], pressure_count=seats.kinds[2],  # type: ignore[arg-type]
        openings=links.openings, devices=AXIS,
    )  # fmt: skip


def _at_rest(partition: Partition, seats: Seats) -> tuple[Integers, Integers]:
    """`out` and `back` (D, slots) where links are at rest: 18 at each of the nodes at rest."""
    taken = np.zeros((seats.devices, sum(seats.kinds)), bool)
    taken[seats.device, seats.slot] = True
    rank = np.where(taken, 0, np.cumsum(~taken, axis=1) - 1)
    direction = rank % 18 + 1
    node = np.where(taken, 0, partition.counts[:, None] + rank // 18)
    return direction * seats.size + node, OPPOSITE[direction] * seats.size + node


def _int(values: NDArray[np.integer]) -> Any:
    return values.astype(np.int32)
