"""The loop of a run: chunks of compiled steps, and after each what must be measured, written and decided."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow import health
from hemoflow.bodies.rigid import BodyState
from hemoflow.build import Setup
from hemoflow.errors import RunError
from hemoflow.interaction.neighbours import Search
from hemoflow.model import CellState, State
from hemoflow.run.chunk import ChunkReport, deepest_allowed
from hemoflow.run.diagnosis import diagnosis
from hemoflow.run.engine import Engine, with_search
from hemoflow.run.gaps import cell_gaps
from hemoflow.run.measure import Sample, measure_cells, node_pressure
from hemoflow.run.observe import FluidFields, MembraneFields
from hemoflow.run.watch import Watch

Array = NDArray[np.float64]
LONGEST_CHUNK = 250
DEFAULT_FRAMES = 60
MOST_GROWTH = 12
"""How often the search for neighbours is given more room for one chunk: each time half as much again as it needed."""


@dataclass
class Clock:
    """Steps done, steps per chunk, chunks per frame; time is steps times dt, on the host in float64."""

    dt: float
    chunk: int
    chunks_per_frame: int
    step: int = 0

    @property
    def time(self) -> float:
        """Simulated time, s."""
        return self.step * self.dt

    @property
    def frame_due(self) -> bool:
        """Whether a frame belongs to this step."""
        return self.step % (self.chunk * self.chunks_per_frame) == 0


def make_clock(setup: Setup, until: float) -> Clock:
    """A clock whose frames come every output.every (a whole number of chunks), about 60 in a run where nothing is said."""
    dt = setup.plan.units.dt
    every = min(setup.plan.case.output.every or until / DEFAULT_FRAMES, until)
    steps = max(1, round(every / dt))
    chunks = -(-steps // LONGEST_CHUNK)
    return Clock(dt, max(1, round(steps / chunks)), chunks)


@dataclass
class Measured:
    """All that is known about a moment of a run."""

    fluid: FluidFields
    membranes: tuple[MembraneFields, ...]
    sample: Sample
    flow: dict[str, Array]
    mass: float


@dataclass
class Trajectory:
    """A run in progress: setup, what advances it, current state as that holds it, clock, and the watch over each cell."""

    setup: Setup
    engine: Engine
    state: State
    clock: Clock
    watches: list[Watch] = field(default_factory=list)
    mass: float | None = None
    throughput: float = 0.0
    imbalance: float = 0.0
    smallest_gap: float = float("inf")
    search: Search | None = None
    enlarged: int = 0
    gaps: Array | None = None

    def advance(self) -> tuple[ChunkReport, float]:
        """One chunk and the seconds it took. Raises RunError where the state is no longer healthy, and keeps the last that was.

        A chunk whose search for neighbours had too little room is done again with more.
        """
        clock = self.clock
        drives = self.setup.drives.table(clock.step, clock.chunk)
        began = time.perf_counter()
        state, report = self._complete(jnp.asarray(drives, jnp.result_type(float)))
        seconds = time.perf_counter() - began
        self.gaps = cell_gaps(self.setup.model, state.cells)
        if self.gaps.min(initial=np.inf) < -float(deepest_allowed(self.setup.model)):
            # deeper than the search of the steps looks
            report = eqx.tree_at(lambda r: r.bits, report, report.bits | health.INSIDE_CELL)
        if int(report.bits):
            model = self.setup.model if self.search is None else with_search(self.setup.model, self.search)
            when = (clock.step, clock.time, clock.chunk)
            raise RunError(diagnosis(self.setup, model, self.engine.whole(state), report, when))
        self.state = re_anchored(state)
        clock.step += clock.chunk
        return report, seconds

    def _complete(self, drives: jax.Array) -> tuple[State, ChunkReport]:
        """A chunk in which no search for neighbours lacked room, unless it lacks it again and again."""
        for _ in range(MOST_GROWTH):
            state, report = self.engine.run(self.state, drives)
            if not int(report.bits) & health.CROWDED:
                break
            held = self.search or getattr(self.setup.model.contact.cells, "search", None)
            assert held is not None
            self.search = held.grown(int(report.need.fullest), float(report.need.widest))
            self.engine.enlarge(self.search)
            self.enlarged += 1
        return state, report

    def measure(self, flux: Array | None) -> Measured:
        """Observe the present state; `flux` (openings,) m^3/s is the mean over the chunk before."""
        setup, lumen = self.setup, self.setup.plan.lumen
        drive = jnp.asarray(setup.drives.at(self.clock.step), jnp.result_type(float))
        fluid, membranes = self.engine.observe(self.state, drive)
        pressure = node_pressure(setup, fluid)
        sample = measure_cells(setup, self.state.cells, membranes, pressure)
        count = len(lumen.openings)
        at = [pressure[np.unique(lumen.link_node[lumen.link_opening == k])] for k in range(count)]
        flow = {
            "flux": np.full(count, np.nan) if flux is None else flux,
            "pressure": np.array([float(p.mean()) if len(p) else np.nan for p in at]),
        }
        return Measured(fluid, membranes, sample, flow, self.engine.mass(self.state))

    def balance(self, report: ChunkReport, mass: float) -> dict[str, float]:
        """Mass book of a chunk in lattice units: what came in through openings, what is stored, what is unexplained."""
        flux = np.asarray(report.flux, float)
        stored = 0.0 if self.mass is None else mass - self.mass
        self.mass = mass
        through = 0.5 * float(np.abs(flux[1:]).sum())
        self.throughput += through
        self.imbalance += float(flux[1:].sum()) - stored
        return {
            "through_openings": float(flux[1:].sum()),
            "stored": stored,
            "imbalance_of_throughput": abs(self.imbalance) / self.throughput if self.throughput > 0 else 0.0,
        }

    def remove(self, gone: list[int]) -> None:
        """Take cells (by id) out of the fluid; their files keep their history."""
        cells: list[CellState] = []
        if not gone:
            return
        for group, state in zip(self.setup.groups, self.state.cells, strict=True):
            keep = np.array([seed.ident not in gone for seed in group]) & np.asarray(state.alive)
            cells.append(CellState(state.anchor, state.offset, jnp.asarray(keep), state.ident, state.carried))
        self.state = State(self.state.fluid, tuple(cells), self.state.bonds, self.state.outlets, self.state.bodies)


def re_anchored(state: State) -> State:
    """The same state with the anchor of every cell at the node nearest to its middle."""
    cells = []
    for one in state.cells:
        shift = np.round(np.asarray(one.offset, np.float64).mean(axis=1)).astype(np.int32)
        if shift.any():
            moved = jnp.asarray(np.asarray(one.offset) - shift[:, None, :].astype(np.asarray(one.offset).dtype))
            one = CellState(one.anchor + shift, moved, one.alive, one.ident, one.carried)
        cells.append(one)
    return State(state.fluid, tuple(cells), state.bonds, state.outlets, tuple(map(_body_re_anchored, state.bodies)))


def _body_re_anchored(bodies: BodyState) -> BodyState:
    shift = np.round(np.asarray(bodies.offset, np.float64)).astype(np.int32)
    if not shift.any():
        return bodies
    offset = jnp.asarray(np.asarray(bodies.offset) - shift.astype(np.asarray(bodies.offset).dtype))
    return eqx.tree_at(lambda b: (b.anchor, b.offset), bodies, (bodies.anchor + shift, offset))


def chunk_record(trajectory: Trajectory, report: ChunkReport, seconds: float, measured: Measured) -> dict[str, Any]:
    """What log.jsonl says about a chunk."""
    clock, nodes = trajectory.clock, len(trajectory.setup.plan.lumen.nodes)
    low, high = (float(v) for v in np.asarray(report.volume_ratio))
    gap = measured.sample.columns.get("wall_gap")
    if gap is not None and np.isfinite(gap).any():
        trajectory.smallest_gap = min(trajectory.smallest_gap, float(np.nanmin(gap)))
    return {
        "step": clock.step,
        "time": clock.time,
        "steps_per_second": clock.chunk / seconds if seconds > 0 else 0.0,
        "mlups": clock.chunk * nodes / seconds / 1e6 if seconds > 0 else 0.0,
        "mass": measured.mass,
        **trajectory.balance(report, measured.mass),
        "density_change_min": float(report.density_min),
        "density_change_max": float(report.density_max),
        "mach": float(report.speed_max) * 3.0**0.5,
        "cell_volume_min": low,
        "cell_volume_max": high,
        "smallest_gap_m": trajectory.smallest_gap,
        "barrier_push_nodes": float(report.pushed_back),
        "searches_enlarged": trajectory.enlarged,
        "healthy": True,
    }
