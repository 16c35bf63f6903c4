"""What a run promises: files that agree with the solver, an exact continuation, a clean stop, and a failure that explains itself."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from hemoflow.build import Plan, make_plan
from hemoflow.case import Case
from hemoflow.errors import InputError, RunError
from hemoflow.run import resume, run_case
from hemoflow.run.stopping import NotBegun


def run(case: Path, out: Path, *overrides: str) -> int:
    return run_case(case, out, list(overrides), progress=False)


def tracks(folder: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with h5py.File(folder / "tracks.h5") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


def newest_checkpoint(folder: Path) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with h5py.File(sorted(folder.glob("checkpoint_*.h5"))[-1]) as file:
        file["arrays"].visititems(
            lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
        )
    return found


def test_a_run_writes_every_file_and_moves_the_cell_with_the_flow(small_case: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(small_case, out) == 0
    names = {path.name for path in out.iterdir()}
    assert {
        "case.toml",
        "provenance.json",
        "results.vtkhdf",
        "results.xdmf",
        "tracks.h5",
        "events.csv",
        "log.jsonl",
    } <= names
    seen = tracks(out)
    assert seen["cells/path"][-1, 0] > seen["cells/path"][0, 0]
    assert np.all(np.abs(seen["cells/volume"] / seen["cells/volume"][0] - 1.0) < 0.01)
    assert np.all(seen["cells/wall_gap"] > 0)
    moved = np.diff(seen["cells/position"][:, 0], axis=0) / np.diff(seen["time"])[:, None]
    # the cell still gathers speed: over an output interval it moves with the mean of the velocities at both ends
    mean = 0.5 * (seen["cells/velocity"][-1, 0] + seen["cells/velocity"][-2, 0])
    assert moved[-1] == pytest.approx(mean, rel=0.03, abs=1e-5)
    # what enters by one opening leaves by the other once the cell only moves along; flux is positive into the lumen
    flux = seen["flow/flux"][-1]
    assert flux[0] > 0 > flux[1]
    records = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert records[-1]["imbalance_of_throughput"] < 1e-4
    assert all(record["healthy"] for record in records)


def test_a_run_that_was_stopped_goes_on_to_the_same_bits(small_case: Path, tmp_path: Path) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run(small_case, whole, "run.until=0.3 ms", "output.every=0.1 ms") == 0
    assert run(small_case, parts, "run.until=0.1 ms", "output.every=0.1 ms") == 0
    assert resume(parts, until="0.2 ms", progress=False) == 0
    assert run(small_case, parts, "run.until=0.3 ms", "output.every=0.1 ms") == 0
    for name, value in newest_checkpoint(whole).items():
        assert np.array_equal(value, newest_checkpoint(parts)[name]), name
    one, other = tracks(whole), tracks(parts)
    for name, value in one.items():
        assert np.array_equal(value, other[name], equal_nan=value.dtype.kind == "f"), name


def test_a_finished_run_is_left_as_it_is(small_case: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(small_case, out, "run.until=0.1 ms")
    before = tracks(out)["time"]
    assert resume(out, progress=False) == 0
    assert np.array_equal(tracks(out)["time"], before)


def test_a_terminated_run_can_be_resumed(small_case: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"

    def stop_soon() -> None:
        while not (out / "log.jsonl").exists() or not (out / "log.jsonl").stat().st_size:
            time.sleep(0.02)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=stop_soon, daemon=True).start()
    assert run(small_case, out, "run.until=20 ms") == 75
    assert resume(out, until="0.1 ms", progress=False) == 0


def test_a_request_that_gets_lost_while_a_run_is_planned_still_stops_it(
    small_case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def plan(case: Case) -> Plan:
        with contextlib.suppress(NotBegun):  # as in a callback of the interpreter
            os.kill(os.getpid(), signal.SIGTERM)
        return make_plan(case)

    monkeypatch.setattr("hemoflow.run.session.make_plan", plan)
    assert run(small_case, tmp_path / "out") == 75
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_stopped_while_it_is_planned_leaves_no_folder(
    small_case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    before = signal.getsignal(number)
    monkeypatch.setattr("hemoflow.run.session.make_plan", lambda case: os.kill(os.getpid(), number))
    assert run(small_case, tmp_path / "out") == 75
    assert not (tmp_path / "out").exists() and signal.getsignal(number) is before


def test_a_case_that_cannot_be_planned_does_not_block_the_folder(small_case: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="fits nowhere"):
        run(small_case, out, "cells.0.diameter=40 um")
    assert [path.name for path in out.iterdir()] == ["notes.txt"]


def test_a_run_goes_on_only_with_the_vessel_it_began_with(small_case: Path, tmp_path: Path) -> None:
    out, vessel = tmp_path / "out", tmp_path / "tube.csv"
    vessel.write_text("# unit: um\n[nodes]\nid,x,y,z\na,0,0,0\nb,30,0,0\n[edges]\nid,from,to,radius\n1,a,b,6\n")
    text = small_case.read_text()
    small_case.write_text('[vessel]\ngeometry = "tube.csv"\n\n' + text[text.index("[flow]") :])
    assert run(small_case, out, "run.until=0.02 ms", "output.every=0.02 ms") == 0
    vessel.write_text(vessel.read_text() + "# the same tube\n")
    before = (out / "provenance.json").read_text()
    with pytest.raises(InputError, match=r"tube\.csv has been changed since the checkpoint"):
        run(small_case, out, "run.until=0.04 ms", "output.every=0.02 ms")
    assert (out / "provenance.json").read_text() == before


def test_another_case_is_refused_in_the_same_folder(small_case: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(small_case, out, "run.until=0.1 ms")
    with pytest.raises(InputError, match="pressure_drop"):
        run(small_case, out, "run.until=0.1 ms", "flow.pressure_drop=50 Pa")


def test_a_run_that_blows_up_says_where_and_what_to_do(small_case: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises((RunError, InputError), match=r"choose|use a smaller|lower"):
        run(small_case, out, "resolution.time_step=3 us", "cells.0.shear_modulus=2 mN/m")


def test_a_cell_that_has_passed_ends_the_run_and_is_an_event(small_case: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    overrides = ("run.until=30 ms", 'run.stop_when=["passed"]', "flow.pressure_drop=200 Pa")
    assert run(small_case, out, *overrides) == 0
    events = (out / "events.csv").read_text()
    assert "passed" in events
    assert json.loads((out / "provenance.json").read_text())["outcome"] == "passed"
    assert newest_checkpoint(out)["cells/0/alive"].all()
    # without that end the run goes on as it would have without it: the cell that has left is taken out
    later = f"run.until={tracks(out)['time'][-1] * 1e3 + 0.05:.6f} ms"
    assert run(small_case, out, later, "run.stop_when=[]", "flow.pressure_drop=200 Pa") == 0
    assert not newest_checkpoint(out)["cells/0/alive"].any()
    assert np.isnan(tracks(out)["cells/volume"][-1]).all()


def test_resume_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"case\.toml"):
        resume(tmp_path, progress=False)
