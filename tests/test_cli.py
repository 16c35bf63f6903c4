"""The command line: quick to answer, one line for a refusal, one JSON document where asked."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hemoflow import native
from hemoflow.terminal import indented, plain

ROOT = Path(__file__).resolve().parent.parent
VERBS = ["run", "check", "resume", "score", "report", "verify", "validate", "cite", "info"]
VESSEL_VERBS = [["vessel", verb] for verb in ("info", "make", "preview")]


def hemoflow(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "hemoflow", *arguments], cwd=cwd, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("verb", [[verb] for verb in VERBS] + VESSEL_VERBS, ids=" ".join)
def test_every_verb_has_help_with_an_example(verb: list[str]) -> None:
    answer = hemoflow(*verb, "--help")
    assert answer.returncode == 0
    assert f"Example: hemoflow {' '.join(verb)}" in " ".join(answer.stdout.split())


def test_help_comes_at_once_because_no_solver_is_imported() -> None:
    start = time.perf_counter()
    answer = hemoflow("--help")
    seconds = time.perf_counter() - start
    assert answer.returncode == 0 and all(verb in answer.stdout for verb in VERBS)
    assert seconds < 3  # 0.2 s on an idle machine; importing jax and pint alone takes longer than the rest together
    code = (
        "import sys, hemoflow.cli; print(sorted({'jax', 'pint', 'igl', 'matplotlib', 'pydantic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout.strip() == "[]"


@pytest.mark.parametrize(
    "verb",
    [["run"], ["check"], ["cite"], ["resume"], ["score"], ["report"], ["verify"], ["vessel", "info"]],
    ids=" ".join,
)
def test_a_path_that_does_not_exist_is_one_line_and_exit_code_2(verb: list[str], tmp_path: Path) -> None:
    answer = hemoflow(*verb, str(tmp_path / "nothing here"))
    assert answer.returncode == 2
    assert answer.stdout == "" and answer.stderr.count("\n") == 1 and "nothing here" in answer.stderr


def test_a_traceback_appears_only_when_asked_for(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.csv")
    assert "Traceback" not in hemoflow("validate", "--table", missing).stderr
    assert "Traceback" in hemoflow("validate", "--table", missing, "--debug").stderr


def test_bad_options_are_refused(tmp_path: Path) -> None:
    case = tmp_path / "case.toml"
    case.write_text("")
    assert hemoflow("run", str(case), "--device", "abacus").returncode == 2
    assert hemoflow("run", str(case), "--no-such-option").returncode == 2
    assert hemoflow("validate", "no-such-case").returncode == 2


def test_info_prints_one_json_document() -> None:
    answer = hemoflow("info", "--json")
    report = json.loads(answer.stdout)
    assert answer.returncode == 0 and {"jax", "numpy"} <= set(report["versions"])
    assert report["devices"] and report["native_kernels"]["why"]


def test_the_list_of_reference_cases_needs_no_simulation() -> None:
    cases = json.loads(hemoflow("validate", "flow_ducts", "--list", "--json").stdout)
    assert {case["case_id"] for case in cases} == {"O-F02a", "O-F02b", "O-F02c", "O-F02d"}


def test_a_row_without_runner_is_unsupported_and_fails_the_whole(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    table.write_text("case_id,quantity,params,value,units,tol,tol_type\nO-Z1,colour of blood,,1,-,0.1,rel\n")
    answer = hemoflow("validate", "--table", str(table), "--json")
    (row,) = json.loads(answer.stdout)
    assert row["status"] == "unsupported" and row["passed"] is False and answer.returncode == 1


def test_validation_says_in_which_precision_and_tier_it_ran() -> None:
    row = "O-F01c"
    single = json.loads(hemoflow("validate", row, "--precision", "float32", "--json").stdout)[0]
    double = json.loads(hemoflow("validate", row, "--json").stdout)[0]
    assert (single["precision"], double["precision"]) == ("float32", "float64")
    assert single["backend"] == double["backend"] == native.status().backend
    assert 1e-9 < single["error"] < 1e-6 and double["error"] < 1e-9
    assert "float16" in hemoflow("validate", row, "--precision", "float16").stderr


def test_json_output_has_no_numbers_that_json_cannot_hold() -> None:
    import numpy as np

    value = {"a": float("nan"), "b": np.array([1.0, np.inf]), "c": (np.float32(2), Path("x"))}
    assert plain(value) == {"a": None, "b": [1.0, None], "c": [2.0, "x"]}
    assert indented({"a": {"b": 1.0}, "c": []}) == "a:\n  b: 1\nc: none"


def test_vessel_info_is_a_line_per_fact_and_names_openings() -> None:
    stl = ("vessel", "info", "meshes/capillary_constriction.stl", "--unit", "um")
    answer = hemoflow(*stl, "--opening", "vein=60 um,0 um,0 um", "--opening", "artery=0 um,0 um,0 um")
    lines = answer.stdout.splitlines()
    assert answer.returncode == 0 and len(lines) == 4 and "60 x 15 x 15 um" in lines[1]
    assert any("artery" in line and "at (0, 0, 0) um, facing (-1, 0, 0)" in line for line in lines)
    assert hemoflow(*stl, "--opening", "artery=0 um").returncode == 2
    network = hemoflow("vessel", "info", "meshes/rat_brain_um.dgf", "--unit", "um")
    openings = [line for line in network.stdout.splitlines() if line.startswith("  opening")]
    assert len(openings) == 10 and "inlet" in openings[0]
    assert "conductance" not in network.stdout and max(map(len, network.stdout.splitlines())) < 200


def test_an_interrupt_is_exit_code_130_and_no_traceback(tmp_path: Path) -> None:
    code = "import hemoflow.cli as c; c.vessel_facts = lambda v: exec('raise KeyboardInterrupt'); c.main()"
    command = [sys.executable, "-c", code, "vessel", "info", "meshes/capillary_constriction.stl", "--unit", "um"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 130 and "Traceback" not in answer.stderr


def test_too_little_memory_is_one_line_that_says_what_to_do() -> None:
    code = "import hemoflow.cli as c; c.vessel_facts = lambda v: exec('raise MemoryError'); c.main()"
    command = [sys.executable, "-c", code, "vessel", "info", "meshes/capillary_constriction.stl", "--unit", "um"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 1 and answer.stderr.count("\n") == 1 and "node_spacing" in answer.stderr


def test_a_run_stopped_while_it_is_planned_exits_75_and_leaves_nothing(tmp_path: Path) -> None:
    case = tmp_path / "case.toml"
    case.write_text((ROOT / "runs/quickstart/case.toml").read_text().replace("../../meshes", str(ROOT / "meshes")))
    code = (
        "import os, signal, sys, hemoflow.run.session as s, hemoflow.cli as c\n"
        "s.make_plan = lambda case: os.kill(os.getpid(), signal.SIGTERM)\nc.main()"
    )
    command = [sys.executable, "-c", code, "run", str(case), "--out", str(tmp_path / "out")]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert answer.returncode == 75 and "nothing is kept" in answer.stdout
    assert not (tmp_path / "out").exists()
