"""Two processes that share a run end where one does, and only the leading one writes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.output.provenance import read_provenance
from hemoflow.parallel.processes import join
from hemoflow.run import run_case

CASE = """
[vessel]
formula = "tube"
length = "20 um"
diameter = "6 um"
[flow]
pressure_drop = "20 Pa"
[resolution]
node_spacing = "1 um"
precision = "float64"
[run]
until = "40 us"
[output]
every = "20 us"
"""
SCRIPT = "import sys; from hemoflow.run import run_case; sys.exit(run_case(sys.argv[1], sys.argv[2], progress=False))"


def process(number: int, port: int, arguments: list[str]) -> subprocess.Popen[str]:
    joined = {"HEMOFLOW_COORDINATOR": f"127.0.0.1:{port}", "HEMOFLOW_PROCESSES": "2", "HEMOFLOW_PROCESS": str(number)}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments], env={**os.environ, **joined}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def two_processes(case: Path, folder: Path) -> list[subprocess.Popen[str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [process(number, port, [str(case), str(folder)]) for number in range(2)]


def test_two_processes_end_where_one_does(tmp_path: Path) -> None:
    case = tmp_path / "case.toml"
    case.write_text(CASE)
    both = two_processes(case, tmp_path / "two")
    said = [one.communicate(timeout=200)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert read_provenance(tmp_path / "two")["devices"] == 2
    run_case(case, tmp_path / "one", progress=False)
    with h5py.File(tmp_path / "one" / "tracks.h5") as one, h5py.File(tmp_path / "two" / "tracks.h5") as two:
        for name in ("flow/flux", "flow/pressure"):
            assert np.allclose(one[name][1:], two[name][1:], rtol=1e-10, atol=0.0)


def test_two_processes_that_are_asked_to_stop_leave_a_run_that_can_go_on(tmp_path: Path) -> None:
    case, log = tmp_path / "case.toml", tmp_path / "two" / "log.jsonl"
    case.write_text(CASE.replace("40 us", "1 s"))
    both = two_processes(case, tmp_path / "two")
    try:
        limit = time.monotonic() + 120.0
        while not (log.is_file() and log.stat().st_size) and time.monotonic() < limit:
            time.sleep(0.1)
        for one in both:
            one.terminate()
        said = [one.communicate(timeout=60)[0] for one in both]
    finally:
        for one in both:
            one.kill()
    assert [one.returncode for one in both] == [75, 0], said
    assert "stopped by SIGTERM" in read_provenance(tmp_path / "two")["outcome"]


def test_a_coordinator_without_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMOFLOW_COORDINATOR", "127.0.0.1:1")
    monkeypatch.setenv("HEMOFLOW_PROCESSES", "two")
    with pytest.raises(InputError, match="HEMOFLOW_PROCESSES is 'two'"):
        join()
