"""Distances along a lumen on the lattice: the shortest way over steps in 194 directions, in whole layers at a time.

Steps to the next nodes alone make a way longer by up to a fifth where it runs askew to the lattice. With steps of up
to four nodes the worst direction is 1.8 % too long, and the axes and diagonals are exact.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from hemoflow.fluid.lattice import DIRECTIONS
from hemoflow.geometry.voxelise import Lumen

FAMILIES = ((1, 0, 0), (1, 1, 0), (1, 1, 1), (2, 1, 0), (3, 1, 1), (4, 1, 0), (4, 3, 1), (4, 3, 2))
"""Steps up to signs and order of the axes: of all such sets with entries up to 4, the smallest that is off by less than 2 %."""

PORTION = 1 << 14
"""Nodes whose steps are followed at once: their table stays in the cache."""

Step = tuple[int, int, int]


def distances(lumen: Lumen, start: NDArray[np.int64]) -> NDArray[np.float64]:
    """Length (N,) in m of the shortest way within the lumen from the nearest of some nodes to every node; infinite
    where none leads.

    This is Dijkstra's algorithm with all nodes of a layer one spacing thick at once: no step is shorter, so nothing in
    a layer can shorten the way to another node in it.
    """
    count = len(lumen.nodes)
    rounds, ends, lengths = _table()
    # One node more, which stands for everything outside of the lumen.
    there = np.concatenate([lumen.neighbours, np.full((19, 1), -1)], axis=1).astype(np.int32)
    there[there < 0] = count
    found = np.full(count + 1, np.inf)
    found[start] = 0.0
    open_nodes, layer = np.unique(start), 0
    waiting = np.zeros(count + 1, bool)
    waiting[open_nodes] = True
    while len(open_nodes):
        layer = max(layer + 1, int(found[open_nodes].min()) + 1)
        now = found[open_nodes] < layer
        done, later = open_nodes[now], [open_nodes[~now]]
        waiting[done] = False
        for first in range(0, len(done), PORTION):
            nodes = done[first : first + PORTION]
            target = _reached(there, rounds, nodes)[ends]
            length = found[nodes] + lengths[:, None]
            shorter = (length < found[target]) & (target < count)
            target = target[shorter]
            np.minimum.at(found, target, length[shorter])
            fresh = target[~waiting[target]]
            waiting[fresh] = True
            later.append(np.unique(fresh))
        open_nodes = np.concatenate(later)
    return found[:count] * lumen.spacing


def _reached(
    there: NDArray[np.int32], rounds: list[tuple[NDArray[np.int64], NDArray[np.int64]]], nodes: NDArray[np.int64]
) -> NDArray[np.int32]:
    """The node at every place of the table, seen from some nodes, reached over nodes of the lumen alone."""
    reached = [np.asarray(nodes, np.int32)[None]]
    for before, direction in rounds:
        known = np.concatenate(reached) if len(reached) > 1 else reached[0]
        reached = [known, there[direction[:, None], known[before]]]
    return np.concatenate(reached)


def _table() -> tuple[list[tuple[NDArray[np.int64], NDArray[np.int64]]], NDArray[np.int64], NDArray[np.float64]]:
    """How to reach the end of every step over neighbours: in each round, the place come from and the direction taken
    to every new place; then which places are ends, and the lengths of their steps in node spacings."""
    steps = sorted({step for family in FAMILIES for step in _turned(family)})
    ways = {step: _way(step) for step in steps}
    places: list[Step] = [(0, 0, 0)]
    number = {places[0]: 0}
    directions = [tuple(int(v) for v in direction) for direction in DIRECTIONS]
    rounds = []
    for k in range(max(map(len, ways.values()))):
        new: dict[Step, tuple[int, int]] = {}
        for way in ways.values():
            if k < len(way) and way[k] not in number and way[k] not in new:
                last = way[k - 1] if k else (0, 0, 0)
                new[way[k]] = number[last], directions.index(tuple(a - b for a, b in zip(way[k], last, strict=True)))
        for place in new:
            number[place] = len(places)
            places.append(place)
        if new:
            rounds.append((np.array([b for b, _ in new.values()]), np.array([d for _, d in new.values()])))
    ends = np.array([number[step] for step in steps])
    return rounds, ends, np.linalg.norm(np.array(steps, float), axis=1)


def _turned(family: Step) -> set[Step]:
    """A step with its entries in any order and with any signs."""
    signs = list(itertools.product((1, -1), repeat=3))
    return {(s[0] * p[0], s[1] * p[1], s[2] * p[2]) for p in itertools.permutations(family) for s in signs}


def _way(step: Step) -> list[Step]:
    """The places passed on a step, neighbour by neighbour and as straight as these allow."""
    whole = np.array(step, float)
    at, way = np.zeros(3, int), []
    while tuple(at) != step:
        options = at + DIRECTIONS[1:]
        # On, not back; then the one that strays least from the straight line.
        ahead = np.abs(options - whole).sum(axis=1) < np.abs(at - whole).sum()
        stray = np.linalg.norm(np.cross(options, whole), axis=1) - 1e-3 * (options @ whole)
        at = options[np.argmin(np.where(ahead, stray, np.inf))]
        way.append((int(at[0]), int(at[1]), int(at[2])))
    return way
