"""A run from its folder's point of view: begin or go on, write, checkpoint, stop, and say how it ended."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import jax
import numpy as np

from hemoflow.build import Setup, describe_plan, make_plan, make_setup, run_length
from hemoflow.case import Case, case_text
from hemoflow.errors import InputError, RunError
from hemoflow.geometry.read import vessel_files
from hemoflow.output.checkpoint import load_checkpoint, save_checkpoint
from hemoflow.output.folder import RunFolder
from hemoflow.output.provenance import read_provenance, write_provenance
from hemoflow.parallel.processes import leads
from hemoflow.run.engine import Engine
from hemoflow.run.loop import Measured, Trajectory, chunk_record, make_clock
from hemoflow.run.places import has_ends
from hemoflow.run.progress import Progress
from hemoflow.run.recorder import Recorder
from hemoflow.run.stopping import StopRequest
from hemoflow.run.storage import case_key, files_key, from_arrays, to_arrays
from hemoflow.run.together import follow, make_engine
from hemoflow.run.watch import Watch, finished

DONE, RESUMABLE = 0, 75
Checkpoint = tuple[dict[str, Any], dict[str, Any]]


@dataclass
class Session:
    """One call of run or resume, on `devices` of JAX (the default one where none are given); of several processes only the leading one
    touches the folder."""

    folder: RunFolder
    case: Case
    progress: bool
    stop: StopRequest = field(default_factory=StopRequest)
    devices: Sequence[Any] = ()
    began: float = field(default_factory=time.monotonic)
    saved: float = field(default_factory=time.monotonic)

    @cached_property
    def vessel_key(self) -> str | None:
        """Digest of the vessel's files, None for a formula."""
        path = self.case.vessel.geometry
        return None if path is None else files_key(vessel_files(path))

    def run(self) -> int:
        """Simulate until something ends it; returns the exit code: 0 finished, 75 stopped early and resumable."""
        plan = make_plan(self.case)
        until = run_length(plan)
        report = describe_plan(plan)
        self.stop.begin()
        setup = make_setup(plan)
        engine = make_engine(setup.model, self.devices or jax.devices()[:1])
        if not leads():
            follow(setup, engine)
            return DONE
        try:
            return self._lead(self._begin(setup, engine, until), report, until)
        finally:
            engine.close()

    def _lead(self, trajectory: Trajectory, report: dict[str, Any], until: float) -> int:
        setup, plan = trajectory.setup, trajectory.setup.plan
        saved = self._saved()
        self._provenance({"started": _now(), "plan": report, "outcome": "running", **self._facts()}, False)
        recorder = Recorder(self.folder, setup)
        self._continue(trajectory, recorder, saved)
        del saved  # as large as the state itself
        shown = Progress(len(plan.lumen.nodes), until, self.progress)
        for warning in report["warnings"]:
            shown.say(f"warning: {warning}")
        outcome = self._loop(trajectory, recorder, shown, until)
        self._save(trajectory, recorder)
        self._last_frame(trajectory, recorder)
        recorder.close()
        ended = {
            "ended": _now(),
            "outcome": outcome,
            "simulated_seconds": trajectory.clock.time,
            "steps": trajectory.clock.step,
        }
        self._provenance(ended, True)
        shown.say(f"{outcome} at {trajectory.clock.time * 1e3:.4g} ms, step {trajectory.clock.step}")
        return RESUMABLE if outcome.startswith("stopped") else DONE

    def _begin(self, setup: Setup, engine: Engine, until: float) -> Trajectory:
        clock = make_clock(setup, until)
        watches = [Watch(seed.name, seed.radius) for seed in setup.plan.seeds]
        return Trajectory(setup, engine, engine.enter(setup.state), clock, watches)

    def _continue(self, trajectory: Trajectory, recorder: Recorder, saved: Checkpoint | None) -> None:
        """Take up a checkpoint, or write the first one."""
        if saved is None:
            recorder.cut({"results": 0, "tracks": 0, "events": 0, "log": 0})
            measured = trajectory.measure(None)
            trajectory.mass = measured.mass
            self._write(trajectory, recorder, measured)
            self._save(trajectory, recorder)
            return
        arrays, meta = saved
        trajectory.state = trajectory.engine.enter(from_arrays(arrays, trajectory.setup.state))
        clock = trajectory.clock
        clock.step, clock.chunk, clock.chunks_per_frame = meta["step"], meta["chunk"], meta["chunks_per_frame"]
        trajectory.watches = [Watch(**record) for record in meta["watches"]]
        trajectory.mass, trajectory.throughput, trajectory.imbalance = (
            meta["mass"],
            meta["throughput"],
            meta["imbalance"],
        )
        trajectory.smallest_gap = float("inf") if meta["smallest_gap"] is None else meta["smallest_gap"]
        recorder.cut(meta["counts"])
        recorder.restore(arrays)

    def _saved(self) -> Checkpoint | None:
        """The newest sound checkpoint, None where there is none. Raises InputError for one of another case or vessel."""
        if not self.folder.checkpoints():
            return None
        arrays, meta = load_checkpoint(self.folder.path)
        if meta["case_key"] != case_key(case_text(self.case)):
            raise InputError(
                f"{self.folder.path}: the checkpoint was made by another case (something besides run, fate and names differs)"
            )
        vessel = self.case.vessel.geometry
        if vessel is not None and meta.get("vessel_sha256", self.vessel_key) != self.vessel_key:
            raise InputError(
                f"vessel.geometry: {vessel} has been changed since the checkpoint in {self.folder.path} was made, so the run cannot go "
                "on from it; put the old file back, or start again in another folder"
            )
        return arrays, meta

    def _loop(self, trajectory: Trajectory, recorder: Recorder, shown: Progress, until: float) -> str:
        stop, clock, run = self.stop, trajectory.clock, self.case.run
        self._remove_gone(trajectory)
        while True:
            outcome = finished(trajectory.watches, run.stop_when)
            if outcome or clock.time >= until - 0.5 * clock.chunk * clock.dt:
                return outcome or "time is up"
            if stop.name or (run.max_wall is not None and time.monotonic() - self.began > run.max_wall):
                return f"stopped by {stop.name or 'run.max_wall'}, resumable"
            try:
                report, seconds = trajectory.advance()
            except RunError:
                self._save(trajectory, recorder)
                self._provenance({"ended": _now(), "outcome": "failed"}, False)
                raise
            flux = np.asarray(report.flux, float)[1:] * trajectory.setup.plan.units.flow_rate / clock.chunk
            measured = trajectory.measure(flux)
            recorder.log.append(chunk_record(trajectory, report, seconds, measured))
            self._write(trajectory, recorder, measured)
            shown.update(clock.time, clock.chunk / max(seconds, 1e-9), _cells_word(trajectory, measured))
            if time.monotonic() - self.saved > run.checkpoint_every:
                self._save(trajectory, recorder)

    def _write(self, trajectory: Trajectory, recorder: Recorder, measured: Measured) -> None:
        """Tracks, events and, when due or when a cell leaves, a frame."""
        now = trajectory.clock.time
        drive = float(self.case.flow.waveform.share(np.array([now]))[0])
        for k, (watch, place) in enumerate(zip(trajectory.watches, measured.sample.places, strict=True)):
            if watch.gone:
                continue
            speed = float(np.linalg.norm(measured.sample.columns["velocity"][k]))
            happened = watch.update(now, place, speed, drive) if trajectory.clock.step else [("seeded", "")]
            for kind, why in happened:
                recorder.events.append(now, kind, watch.who, measured.sample.centres[k].tolist(), why)
            watch.gone = watch.away and has_ends(trajectory.setup.plan)
        recorder.row(now, measured.sample, measured.flow)
        recorder.see(now, measured.fluid)
        if trajectory.clock.frame_due or finished(trajectory.watches, self.case.run.stop_when):
            recorder.frame(now, measured.fluid, trajectory.state.cells, measured.membranes)
        self._remove_gone(trajectory)

    def _remove_gone(self, trajectory: Trajectory) -> None:
        """Take cells that have left out of the fluid. Where their leaving ends the run they stay for its last frame;
        a run that goes on from there without that end takes them out first."""
        if not finished(trajectory.watches, self.case.run.stop_when):
            seeds = trajectory.setup.plan.seeds
            trajectory.remove([s.ident for s, w in zip(seeds, trajectory.watches, strict=True) if w.gone])

    def _last_frame(self, trajectory: Trajectory, recorder: Recorder) -> None:
        """The state a run ends in is always shown; after the last checkpoint, so that a run that goes on drops it again."""
        now = trajectory.clock.time
        if not recorder.results.count or recorder.results.times[-1] < now * (1.0 - 1e-9):
            measured = trajectory.measure(None)
            recorder.frame(now, measured.fluid, trajectory.state.cells, measured.membranes)

    def _save(self, trajectory: Trajectory, recorder: Recorder) -> None:
        clock = trajectory.clock
        meta: dict[str, Any] = {
            "step": clock.step,
            "chunk": clock.chunk,
            "chunks_per_frame": clock.chunks_per_frame,
            "time": clock.time,
            "case_key": case_key(case_text(self.case)),
            "vessel_sha256": self.vessel_key,
            "watches": [watch.record() for watch in trajectory.watches],
            "mass": trajectory.mass,
            "throughput": trajectory.throughput,
            "imbalance": trajectory.imbalance,
            "smallest_gap": trajectory.smallest_gap,
            "counts": recorder.counts(),
        }
        arrays = to_arrays(trajectory.engine.whole(trajectory.state))
        save_checkpoint(self.folder.path, arrays | recorder.arrays(), meta)
        self.saved = time.monotonic()

    def _facts(self) -> dict[str, Any]:
        default = getattr(jax.config, "jax_default_device", None) or jax.devices()[0]
        device = self.devices[0] if self.devices else default
        return {
            "device": f"{getattr(device, 'device_kind', device)} ({getattr(device, 'platform', '')})",
            "devices": max(1, len(self.devices)),
            "precision": self.case.resolution.precision,
            "seed": self.case.run.seed,
        }

    def _provenance(self, record: dict[str, Any], whole: bool) -> None:
        known = read_provenance(self.folder.path)
        if "started" in record and known.get("started"):
            record = {**record, "started": known["started"], "resumed": [*known.get("resumed", []), record["started"]]}
        write_provenance(self.folder.path, record, whole)


def _cells_word(trajectory: Trajectory, measured: Measured) -> str:
    if not trajectory.watches:
        return ""
    if len(trajectory.watches) == 1:
        place = measured.sample.places[0]
        return f"cell at {place.path * 1e6:.1f} um, {place.left * 1e6:.1f} to go"
    passed = sum(w.passed for w in trajectory.watches)
    return f"{passed} of {len(trajectory.watches)} cells passed"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
