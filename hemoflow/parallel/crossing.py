"""The populations that cross between devices, and the tables of neighbours that each device needs beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import numpy as np
from numpy.typing import NDArray

from hemoflow.fluid.boundary import Links
from hemoflow.fluid.halo import Halo, Messages
from hemoflow.fluid.inplace import Crossing, Slots, stride, tables
from hemoflow.fluid.lattice import OPPOSITE
from hemoflow.parallel.partition import Integers, Partition
from hemoflow.parallel.seats import AXIS, Seats


@dataclass(frozen=True)
class Post:
    """M populations that go from device `start` (M,) to device `stop` (M,): of each the `message` that takes it, one per difference of the
    devices, and its `place` there; of every message the `lengths`, that of the longest."""

    start: Integers
    stop: Integers
    message: Integers
    place: Integers
    shifts: Integers
    lengths: Integers
    devices: int

    @property
    def offset(self) -> Integers:
        """Place (M,) behind all messages before."""
        return (np.cumsum(self.lengths) - self.lengths)[self.message] + self.place

    def messages(self, leave: Integers, land: Integers, behind: int) -> Messages:
        """The messages, from flat indices (M,) of what leaves one device and lands on the other; `behind` is an index of none."""
        outs, intos, routes = [], [], []
        for k, (shift, length) in enumerate(zip(self.shifts, self.lengths, strict=True)):
            mine = np.flatnonzero(self.message == k)
            out, into = np.zeros((self.devices, length), np.int32), np.full((self.devices, length), behind, np.int32)
            out[self.start[mine], self.place[mine]] = leave[mine]
            into[self.stop[mine], self.place[mine]] = land[mine]
            outs.append(out)
            intos.append(into)
            routes.append(tuple((int(d), int((d + shift) % self.devices)) for d in np.unique(self.start[mine])))
        return Messages(tuple(outs), tuple(intos), tuple(routes), AXIS)  # type: ignore[arg-type]


def post(start: Integers, stop: Integers, key: Integers, devices: int) -> Post:
    """Populations in messages, in the order of their key."""
    shifts, message = np.unique((stop - start) % devices, return_inverse=True)
    order = np.lexsort((key, start, message))
    sent = np.zeros((len(shifts), devices), np.int64)
    np.add.at(sent, (message, start), 1)
    place = np.empty(len(start), np.int64)
    place[order] = np.concatenate([np.arange(n) for n in sent.ravel()] or [np.zeros(0, np.int64)])
    return Post(start, stop, message, place, shifts, sent.max(axis=1, initial=0), devices)


class Table:
    """The pull table (19, N) of a lumen as its devices see it: `gone`, `origin` the direction and node that each population comes from,
    `crosses` those that come from another device."""

    def __init__(self, source: Integers, partition: Partition, seats: Seats) -> None:
        self.partition, self.size, self.apart, self.source = partition, seats.size, stride(seats.size), source
        self.gone, self.origin = np.divmod(source, source.shape[1])
        self.crosses = partition.owner[self.origin] != partition.owner
        self.i, self.node = np.nonzero(self.crosses)
        self.up = self.origin[self.i, self.node]
        self.land = self.i * self.size + partition.local[self.node]
        self.post = post(partition.owner[self.up], partition.owner[self.node], self.land, partition.devices)

    def pulled(self) -> Messages:
        """What arrives from other devices, in canonical order."""
        leave = self.i * self.size + self.partition.local[self.up]
        return self.post.messages(leave, self.land, 19 * self.size)

    def halo(self) -> Halo:
        """For the pure-JAX tier."""
        direction = np.arange(19)[:, None]
        local = self.partition.local
        here = OPPOSITE[direction] * self.size + local
        inside = np.where(self.crosses, here, self.gone * self.size + local[self.origin])
        rest = OPPOSITE[:, None] * self.size + np.arange(self.size)
        return Halo(self._parts(inside, rest).astype(np.int32), self.pulled())  # type: ignore[arg-type]

    def slots(self, links: Links) -> Slots:
        """For the native tier, with the links of all devices."""
        direction, local = np.arange(19)[:, None], self.partition.local
        comes = self.gone == direction
        shared = np.where(comes, OPPOSITE[direction] * self.apart + local[self.origin], direction * self.apart + local)
        shared[self.i, self.node] = 19 * self.apart + self.post.offset
        rest = direction * self.apart + np.arange(self.size)
        parts, present = self._parts(shared, rest), self._parts(comes, np.zeros_like(rest, bool))
        alone = [
            tables(parts[d], present[d], jax.tree.map(lambda a, d=d: a[d], links))
            for d in range(self.partition.devices)
        ]
        together = _filled_up(alone)
        return eqx.tree_at(lambda s: s.crossing, together, self._crossing(), is_leaf=lambda a: a is None)

    def _crossing(self) -> Crossing:
        """Slot of every crossing population at the node it comes from, and its place in the halo of the one it goes to."""
        own = OPPOSITE[self.i] * self.apart + self.partition.local[self.up]
        halo, total = 19 * self.apart + self.post.offset, int(self.post.lengths.sum())
        returned = post(self.post.stop, self.post.start, self.land, self.partition.devices)
        behind = 19 * self.apart + total
        return Crossing(
            self.post.messages(own, halo, behind), returned.messages(halo, own, behind), self.pulled(), total,
        )  # fmt: skip

    def _parts(self, values: NDArray[Any], rest: NDArray[Any]) -> NDArray[Any]:
        """Values (19, N) as (D, 19, size), those of nodes at rest being `rest` (19, size)."""
        out = np.repeat(rest[None], self.partition.devices, axis=0)
        out[self.partition.owner, :, self.partition.local] = values.T
        return out


def _filled_up(alone: list[Slots]) -> Slots:
    """Tables of all devices as one, arrays filled up with zeros to equal lengths. Zeros are never looked at: rows behind the last piece,
    walls behind the last link, moving walls that push by nothing."""

    def join(*arrays: Any) -> NDArray[Any]:
        hosts = [np.asarray(a) for a in arrays]
        length = max(len(a) for a in hosts)
        return np.stack([np.concatenate([a, np.zeros((length - len(a), *a.shape[1:]), a.dtype)]) for a in hosts])

    return jax.tree.map(join, *alone)
