"""Why a run cannot go on, for a person: what is wrong, which cell and where, with which values, and what to do."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hemoflow import health
from hemoflow.build import Setup
from hemoflow.build.cells import Seed
from hemoflow.cells.vectors import corners
from hemoflow.fluid.lattice import DIRECTIONS
from hemoflow.fluid.moments import density_deviation
from hemoflow.model import CellGroup, CellState, Model, State
from hemoflow.run.chunk import ChunkReport, behind_wall, deepest_allowed, folded_cells, out_of_lumen
from hemoflow.run.gaps import cell_gaps

Array = NDArray[np.float64]
MOST_CELLS = 5
"""Cells that a message names."""

LARGEST_VOLUME_ERROR = 0.05


def diagnosis(setup: Setup, model: Model, state: State, report: ChunkReport, when: tuple[int, float, int]) -> str:
    """What went wrong in the chunk that `report` is about. `state`: the one after it, in canonical order; `when`: the last healthy step,
    its time (s), and the steps of the chunk."""
    bits = int(report.bits)
    said = [f"{words}: {remedy}" for words, remedy in health.describe(bits)]
    cells = list(faulty_cells(setup, model, state))
    more = f" and {len(cells) - MOST_CELLS} more" if len(cells) > MOST_CELLS else ""
    low, high = (float(v) for v in np.asarray(report.volume_ratio))
    step, time, steps = when
    return (
        f"run: stopped healthy at step {step} ({time * 1e3:.4g} ms); within the next {steps} steps "
        + "; ".join(said)
        + f". {_worst_node(setup, state, bits)}; relaxation time {setup.plan.scales.relaxation_time:.3g}; cell volumes "
        f"{low:.3f} to {high:.3f} of rest"
        + "".join(f"; {word}" for word in cells[:MOST_CELLS])
        + f"{more}. The last healthy state is kept as a checkpoint"
    )


def _worst_node(setup: Setup, state: State, bits: int) -> str:
    h = np.asarray(state.fluid.populations, np.float64)
    density = np.asarray(density_deviation(list(h)))
    bad = ~np.isfinite(h).all(axis=0)
    speed = np.linalg.norm(np.einsum("iN,ia->aN", np.nan_to_num(h), DIRECTIONS.astype(float)), axis=0)
    fastest = int(np.argmin(density)) if bits & health.NEGATIVE_DENSITY else int(np.argmax(speed))
    node = int(np.argmax(bad)) if bad.any() else fastest
    place = setup.plan.lumen.position(setup.plan.lumen.nodes[node])
    return (
        f"Worst node {setup.plan.lumen.nodes[node].tolist()} at {_um(place)} um: lattice speed {speed[node]:.3g}, "
        f"density change {density[node]:.3g}"
    )


def faulty_cells(setup: Setup, model: Model, state: State) -> Iterator[str]:
    """Every living cell with something wrong: its name, id, place and what it is."""
    depth = np.maximum(-cell_gaps(model, state.cells), 0.0)
    depth = np.where(depth > deepest_allowed(model), depth, 0.0)
    ends = np.cumsum([len(seeds) for seeds in setup.groups])[:-1]
    groups = zip(model.groups, setup.groups, state.cells, np.split(depth, ends), strict=True)
    for group, seeds, cells, deep in groups:
        found = _faults(setup, model, (group, cells), deep)
        for k, seed in enumerate(seeds):
            if bool(np.asarray(cells.alive)[k]) and found[k]:
                yield _named(setup, seed, cells, k) + ", ".join(found[k])


def _faults(setup: Setup, model: Model, members: tuple[CellGroup, CellState], depth: Array) -> list[list[str]]:
    """What is wrong with every cell of a group, `depth` (C,) being how far it is inside another or another inside it, in node spacings."""
    group, cells = members
    um, mesh, x = setup.plan.units.dx * 1e6, group.membrane.mesh, cells.offset
    ratio = np.asarray(group.membrane.volume(x) / group.membrane.parameters.rest_volume, float)
    folded, behind = (np.asarray(a) for a in (folded_cells(mesh.faces, mesh.edges, x), behind_wall(model, cells)))
    lost, deepest = np.asarray(out_of_lumen(model, cells)), depth * um
    angles = sharpest_angles(np.asarray(x, float), np.asarray(mesh.faces))
    said: list[list[str]] = [[] for _ in ratio]
    for k, words in enumerate(said):
        if not np.isfinite(np.asarray(x[k])).all():
            words.append("positions that are not finite")
            continue
        words += [f"volume {ratio[k]:.3f} of rest"] if abs(ratio[k] - 1.0) >= LARGEST_VOLUME_ERROR else []
        words += [f"folded, sharpest angle of a triangle {angles[k]:.1f} degrees"] if folded[k] else []
        words += [f"{int(behind[k].sum())} vertices behind the wall"] if behind[k].any() else []
        words += [f"it and another cell are up to {deepest[k]:.3g} um inside each other"] if deepest[k] > 0.0 else []
        words += ["out of the lumen"] if lost[k] else []
    return said


def sharpest_angles(x: Array, faces: NDArray[np.integer]) -> Array:
    """Smallest angle (C,) of all triangles of every cell, degrees; x (C, V, 3)."""
    points = [np.stack(np.broadcast_arrays(*(np.asarray(a) for a in corner)), axis=-1) for corner in corners(x, faces)]  # type: ignore[arg-type]
    smallest = np.full(len(x), 180.0)
    for k in range(3):
        one, two = points[(k + 1) % 3] - points[k], points[(k + 2) % 3] - points[k]
        across = np.linalg.norm(np.cross(one, two), axis=-1)
        smallest = np.minimum(smallest, np.degrees(np.arctan2(across, np.sum(one * two, axis=-1))).min(axis=-1))
    return smallest


def _named(setup: Setup, seed: Seed, cells: CellState, k: int) -> str:
    plan = setup.plan
    place = np.asarray(cells.anchor[k], float) + np.asarray(cells.offset[k], float).mean(axis=0)
    return f"cell '{seed.name}' (id {seed.ident}) at {_um(plan.lumen.position(place))} um: "


def _um(place: Array) -> str:
    return "(" + ", ".join(f"{1e6 * float(v):.3g}" for v in place) + ")"
