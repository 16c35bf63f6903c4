"""Fluid with cells: red cells at a hematocrit in a periodic box, the README's transit, and replicas of it at once."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from hemoflow import native
from hemoflow.bench.fluid import Timed, box_fluid
from hemoflow.bench.machine import measure
from hemoflow.build import make_plan, make_setup
from hemoflow.build.fluid import Relaxation
from hemoflow.case import read_case
from hemoflow.cells.membrane import build_membrane
from hemoflow.cells.surface import discocyte, volume
from hemoflow.fluid.layout import make_layout
from hemoflow.fluid.solver import equilibrium_state
from hemoflow.model import CellGroup, CellState, Contact, Model, State, no_bonds
from hemoflow.resources import data_folder
from hemoflow.run import run_case
from hemoflow.run.chunk import run_chunk

RED_CELL_RADIUS = 7.82
"""Radius of a red cell in nodes of 0.5 um."""

RED_CELL_ROOM = (16.5, 16.5, 5.8)
"""Nodes from one red cell to the next, so that none touch; more cells than fit so are not set."""

SHEAR_MODULUS = 2.4e-5
"""2.5 uN/m at a spacing of 0.5 um, the density of water and a relaxation time of 1, in lattice units."""

REPLICAS = 4


def red_cells(hematocrit: float, size: int | None, steps: int | None) -> Timed:
    """Red cells of 642 vertices in a periodic box of about size^3 nodes (66) of 0.5 um, 2-point kernel."""
    n = size or 66
    model, state, fraction = _suspension(hematocrit, n)
    drives = jnp.ones((steps or 100, 2), jnp.result_type(float))
    seconds, compiling = measure(lambda: run_chunk(model, state, drives), 3)
    vertices = sum(int(np.prod(cells.offset.shape[:2])) for cells in state.cells)
    held = sum(int(leaf.nbytes) for leaf in jax.tree.leaves((model, state)) if hasattr(leaf, "nbytes"))
    extra = {"vertices": vertices, "hematocrit": fraction}
    return Timed(model.layout.count, len(drives), seconds, compiling, held, extra)


def _suspension(hematocrit: float, n: int) -> tuple[Model, State, float]:
    real = jnp.result_type(float)
    surface = discocyte(8, RED_CELL_RADIUS)
    room = [max(1, int(n / r)) for r in RED_CELL_ROOM]
    wanted = round(hematocrit * n**3 / volume(surface.vertices, surface.faces))
    fluid = box_fluid((n, n, n), Relaxation(1.0))
    nodes = np.argwhere(np.ones((n, n, n), bool))
    none = np.zeros((0, 3), int)
    box = ((n, n, n), (True, True, True))
    layout = make_layout(nodes, np.full(len(nodes), 100.0), none, np.zeros(0), box, native.in_use("stencil"))
    count = min(wanted, int(np.prod(room)))
    places = np.stack(np.unravel_index(np.linspace(0, np.prod(room) - 1, count).astype(int), room), axis=1)
    centre = (places + 0.5) * n / np.array(room)
    groups, cells = [], []
    if count:
        membrane = build_membrane(
            surface, "skalak", "helfrich", str(real), native=native.in_use("membrane"),
            shear_modulus=np.full(count, SHEAR_MODULUS), area_dilation=100.0,
            bending_modulus=SHEAR_MODULUS * 0.3, area_modulus=SHEAR_MODULUS * 10, volume_modulus=1e-3,
        )  # fmt: skip
        anchor = np.round(centre).astype(np.int32)
        offset = jnp.asarray(surface.vertices[None] + (centre - anchor)[:, None], real)
        area = membrane.vertex_areas(jnp.asarray(surface.vertices, real)[None])[0]
        groups.append(CellGroup(membrane, area, "red-cell", 0.0, True))
        ids = jnp.arange(count, dtype=jnp.int32)
        cells.append(CellState(jnp.asarray(anchor), offset, jnp.ones(count, bool), ids, jnp.zeros_like(offset)))
    model = Model(fluid, layout, tuple(groups), Contact(jnp.zeros((), real), jnp.asarray(0.2, real)), 2)
    start = equilibrium_state(fluid, jnp.zeros(len(nodes), real), jnp.zeros((3, len(nodes)), real))
    return model, State(start, tuple(cells), no_bonds()), count * volume(surface.vertices, surface.faces) / n**3


def quickstart() -> Path:
    """The README's case."""
    return data_folder("runs") / "quickstart" / "case.toml"


def transit(size: int | None, steps: int | None) -> Timed:
    """The README's case: steps per second in a chunk, and the wall time of one whole run with its files (not with `steps`)."""
    setup = make_setup(make_plan(read_case(quickstart())))
    model, state = setup.model, setup.state
    drives = jnp.asarray(setup.drives.table(0, steps or 1000), jnp.result_type(float))
    seconds, compiling = measure(lambda: run_chunk(model, state, drives), 3)
    vertices = sum(int(np.prod(cells.offset.shape[:2])) for cells in state.cells)
    extra = {"vertices": vertices, "steps_per_s": len(drives) / seconds}
    if steps is None:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            run_case(quickstart(), Path(folder) / "run", progress=False)
            extra["transit_wall_s"] = time.perf_counter() - start
    return Timed(model.layout.count, len(drives), seconds, compiling, 0, extra)


def ensemble(size: int | None, steps: int | None) -> Timed:
    """`size` replicas (4) of the README's case in one compiled call."""
    replicas = size or REPLICAS
    setup = make_setup(make_plan(read_case(quickstart())))
    model = setup.model
    state = jax.tree.map(lambda leaf: jnp.stack([leaf] * replicas), setup.state)
    drives = jnp.asarray(setup.drives.table(0, steps or 300), jnp.result_type(float))
    together = jax.jit(jax.vmap(lambda one: run_chunk(model, one, drives)[0]))
    seconds, compiling = measure(lambda: together(state), 3)
    vertices = replicas * sum(int(np.prod(cells.offset.shape[:2])) for cells in setup.state.cells)
    extra = {"vertices": vertices, "replicas": replicas, "replica_steps_per_s": replicas * len(drives) / seconds}
    return Timed(replicas * model.layout.count, len(drives), seconds, compiling, 0, extra)
