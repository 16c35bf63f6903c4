"""Killed at any moment, or with the disk full, a run leaves whole steps behind and can go on."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import pytest

from hemoflow.errors import InputError, RunError
from hemoflow.output import journal
from hemoflow.output.checkpoint import load_checkpoint, save_checkpoint
from hemoflow.output.folder import RunFolder, checkpoints_in
from hemoflow.output.lines import EventsWriter
from hemoflow.output.reader import read_tracks

from . import sample

ENDLESS = """
import importlib.util, sys
from pathlib import Path
import numpy as np
spec = importlib.util.spec_from_file_location("sample", {sample!r})
sample = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sample)
from hemoflow.output.checkpoint import save_checkpoint
from hemoflow.output.lines import EventsWriter
folder = Path({folder!r})
results, tracks, events = sample.results(folder), sample.tracks(folder), EventsWriter(folder)
print("ready", flush=True)
start = min(results.count, tracks.count)
results.truncate(start)
tracks.truncate(start)
for k in range(start, 10**6):
    results.append(*sample.step(k))
    tracks.append(*sample.track_row(k))
    events.append(k, "step", "cell")
    save_checkpoint(folder, {{"x": np.full(1000, float(k))}}, {{"step": k}})
"""


def test_a_killed_writer_leaves_only_whole_steps_and_is_continued(tmp_path):
    script = ENDLESS.format(sample=str(Path(sample.__file__)), folder=str(tmp_path))
    reached = 0
    for pause in (0.11, 0.23, 0.17, 0.29):
        process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
        assert process.stdout is not None and process.stdout.readline() == b"ready\n"
        time.sleep(pause)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        results = sample.results(tmp_path)
        tracks = read_tracks(tmp_path)
        assert results.count >= reached - 1 and abs(len(tracks.time) - results.count) <= 1
        reached = results.count
        with h5py.File(tmp_path / "results.vtkhdf", "r") as file:
            root = file["VTKHDF"]
            assert all(root[n]["Steps"].attrs["NSteps"] == reached for n in ("fluid", "wbc", "wall"))
            assert len(root["fluid/CellData/velocity"]) == reached
            assert len(root["wbc/Points"]) == 4 * reached
        if checkpoints_in(tmp_path):
            arrays, meta = load_checkpoint(tmp_path)
            assert (arrays["x"] == meta["step"]).all()
        EventsWriter(tmp_path)
    assert reached > 2


def test_a_change_that_was_recorded_but_not_carried_out_is_finished_later(tmp_path, monkeypatch):
    tracks = sample.tracks(tmp_path)
    tracks.append(*sample.track_row(0))
    before = (tmp_path / "tracks.h5").read_bytes()

    def dies(*_):
        raise RunError("power cut")

    monkeypatch.setattr(journal, "_apply", dies)
    with pytest.raises(RunError):
        tracks.append(*sample.track_row(1))
    monkeypatch.undo()
    torn = bytearray(before)
    torn[: len(torn) // 2] = bytes(len(torn) // 2)  # half of the change reached the disk, in the worst way
    (tmp_path / "tracks.h5").write_bytes(bytes(torn))
    assert len(read_tracks(tmp_path).time) == 2, "a reader sees the change as done"
    assert sample.tracks(tmp_path).count == 2
    assert not list(tmp_path.glob("*.journal"))


def test_a_full_disk_names_the_file_and_spoils_nothing(tmp_path):
    results, tracks, events = sample.results(tmp_path), sample.tracks(tmp_path), EventsWriter(tmp_path)
    results.append(*sample.step(0))
    tracks.append(*sample.track_row(0))
    save_checkpoint(tmp_path, {"x": sample.nodes()}, {"step": 1})
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    heard = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    writes = {
        "results.vtkhdf": lambda: results.append(*sample.step(1)),
        "tracks.h5": lambda: tracks.append(*sample.track_row(1)),
        "events.csv": lambda: events.append(1.0, "pause", "cell"),
        "checkpoint": lambda: save_checkpoint(tmp_path, {"x": sample.nodes()}, {"step": 2}),
    }
    for name, write in writes.items():
        resource.setrlimit(resource.RLIMIT_FSIZE, (60, limit[1]))
        try:
            with pytest.raises(RunError, match=f"(?s)cannot write .*{name}.*bytes.*then resume"):
                write()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    signal.signal(signal.SIGXFSZ, heard)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    results.append(*sample.step(1))
    tracks.append(*sample.track_row(1))
    assert (results.count, len(read_tracks(tmp_path).time)) == (2, 2), "with room again the same writers go on"


def test_a_second_writer_of_a_folder_is_refused(tmp_path):
    out = tmp_path / "out"
    with RunFolder.create(out, "a = 1\n"), pytest.raises(InputError, match="being written by"):
        RunFolder.open(out, write=True)
    RunFolder.open(out, write=True).close()
    with pytest.raises(InputError, match=r"another case \(differing: a\)"):
        RunFolder.create(out, "a = 2\n")
