"""Two processes that share a run end where one does, and only the leading one writes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
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


def test_two_processes_end_where_one_does(tmp_path: Path) -> None:
    case = tmp_path / "case.toml"
    case.write_text(CASE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [process(number, port, [str(case), str(tmp_path / "two")]) for number in range(2)]
    said = [one.communicate(timeout=200)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert read_provenance(tmp_path / "two")["devices"] == 2
    run_case(case, tmp_path / "one", progress=False)
    with h5py.File(tmp_path / "one" / "tracks.h5") as one, h5py.File(tmp_path / "two" / "tracks.h5") as two:
        for name in ("flow/flux", "flow/pressure"):
            assert np.allclose(one[name][1:], two[name][1:], rtol=1e-10, atol=0.0)


def test_a_coordinator_without_numbers_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEMOFLOW_COORDINATOR", "127.0.0.1:1")
    monkeypatch.setenv("HEMOFLOW_PROCESSES", "two")
    with pytest.raises(InputError, match="HEMOFLOW_PROCESSES is 'two'"):
        join()
