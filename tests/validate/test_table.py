"""Reference tables: they are read as written, matched to the right runner, and judged honestly."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from hemoflow import resources
from hemoflow.errors import InputError
from hemoflow.validate import run as validation
from hemoflow.validate.find import find_runner
from hemoflow.validate.record import Measurement, Settings
from hemoflow.validate.table import Reference, parse_params, read_table

HEADER = "case_id,quantity,params,value,units,tol,tol_type,tol_resolution\n"


def write(folder: Path, rows: str, name: str = "things.csv") -> Path:
    path = folder / name
    path.write_text("# a comment, with commas\n" + HEADER + rows)
    return path


def reference(**changes: object) -> Reference:
    plain = Reference("f", "O-X01", "q", {}, 2.0, "-", 0.1, "rel", 0.1)
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_params_keep_colons_blanks_and_further_equal_signs() -> None:
    assert parse_params("a:b:c=1:1:0.5; F=38.3 pN ;x=y=z;steady") == {
        "a:b:c": "1:1:0.5",
        "F": "38.3 pN",
        "x": "y=z",
        "steady": "",
    }


def test_every_shipped_table_is_read_with_finite_references() -> None:
    tables = [read_table(path) for path in resources.reference_tables()]
    rows = [row for table in tables for row in table.rows]
    assert len(tables) >= 31 and len(rows) >= 240
    for row in rows:
        values = row.value if isinstance(row.value, tuple) else (row.value,)
        assert all(math.isfinite(value) for value in values), row
        assert row.quick_tolerance >= row.tolerance >= 0


def test_a_profile_gives_one_curve_per_ordinate_with_its_own_abscissa() -> None:
    cavity = {
        row.quantity: row for row in read_table(resources.data_folder("reference") / "profile_ghia_Re100.csv").rows
    }
    assert set(cavity) == {"u", "v"}
    assert [cavity[q].abscissa[0] for q in "uv"] == ["y", "x"]  # type: ignore[index]
    assert cavity["u"].family == "cavity" and cavity["u"].params == {"Re": "100", "N": "129"}
    assert (cavity["u"].tolerance, cavity["u"].quick_tolerance) == (0.01, 0.02)
    pulse = {
        row.quantity: row
        for row in read_table(resources.data_folder("reference") / "profile_womersley_pipe_alpha4.csv").rows
    }
    assert (pulse["amplitude"].tolerance, pulse["amplitude"].tolerance_type) == (0.01, "of-max")
    assert (pulse["phase_deg"].tolerance, pulse["phase_deg"].tolerance_type) == (1.5, "abs")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("O-1,q,,one,-,0.1,rel,\n", "'one' is not a number"),
        ("O-1,q,,1,-,0.1,near,\n", "tol_type 'near'"),
        ("O-1,q,,1,-,small,rel,\n", "tol 'small'"),
        ("O-1,q,,nan,-,0.1,rel,\n", "'nan' is not a number"),
    ],
)
def test_a_bad_row_is_refused_with_file_and_line(tmp_path: Path, row: str, said: str) -> None:
    with pytest.raises(InputError, match="line 3") as refusal:
        read_table(write(tmp_path, row))
    assert said in str(refusal.value) and "things.csv" in str(refusal.value)


def test_a_table_without_rows_or_columns_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("# only\n")
    (tmp_path / "b.csv").write_text("case_id,value\nO-1,1\n")
    for name, said in (("a.csv", "no rows"), ("b.csv", "quantity"), ("none.csv", "cannot be read")):
        with pytest.raises(InputError, match=said):
            read_table(tmp_path / name)


def test_relative_and_absolute_errors_pass_up_to_the_tolerance_only() -> None:
    assert validation.judge(reference(), 2.19, 0.1).passed
    assert not validation.judge(reference(), 2.21, 0.1).passed
    assert validation.judge(reference(value=0.0, tolerance_type="abs"), -0.1, 0.1).passed
    assert validation.judge(reference(value=-2.0), -1.9, 0.1).error == pytest.approx(0.05)


def test_a_value_that_is_not_finite_never_passes() -> None:
    kinds = ("rel", "abs", "bound", "band")
    assert [validation.judge(reference(tolerance_type=kind), math.nan, 1e9).passed for kind in kinds] == [False] * 4
    assert validation.judge(reference(tolerance_type="bound"), -math.inf, 1e9).passed is False
    assert validation.judge(reference(value=(1.0, 2.0), tolerance_type="abs"), [1.0, math.nan], 1e9).passed is False


def test_bounds_are_one_sided_and_bands_two_sided(tmp_path: Path) -> None:
    rows = read_table(
        write(
            tmp_path,
            "O-1,D acceptance band lo,,0.147,-,0,bound,\nO-1,D acceptance band hi,,0.163,-,0,bound,\n"
            "O-2,fraction,,0.9,-,lower bound,bound,\nO-3,E,,1..2,-,0.5,band,\n",
        )
    ).rows
    low, high, fraction, band = rows
    assert [validation.judge(low, v, 0.0).passed for v in (0.14, 0.15, 9.0)] == [False, True, True]
    assert [validation.judge(high, v, 0.0).passed for v in (0.14, 0.17)] == [True, False]
    assert [validation.judge(fraction, v, 0.0).passed for v in (0.95, 0.85)] == [True, False]
    assert [validation.judge(band, v, 0.5).passed for v in (0.4, 0.6, 1.5, 2.4, 2.6)] == [
        False,
        True,
        True,
        True,
        False,
    ]


def test_angles_of_a_curve_are_compared_modulo_a_full_turn() -> None:
    phase = reference(value=(179.0, -170.0), units="deg", tolerance_type="abs")
    assert validation.judge(phase, [-180.0, 189.0], 1.5).error == pytest.approx(1.0)
    share = reference(value=(0.0, 4.0, 2.0), tolerance_type="of-final")
    assert validation.judge(share, [0.1, 4.0, 2.0], 0.06).error == pytest.approx(0.05)


def test_the_quick_tolerance_is_the_one_the_table_states(tmp_path: Path) -> None:
    text = 'O-1,q,,1,-,0.02,rel,">=5120 triangles; 0.05 at 1280"\nO-2,q,,1,-,0.04,rel,a=8-10 (0.025 at a=16)\n'
    text += "O-3,q,,1,-,0.01,rel,\n"
    assert [row.quick_tolerance for row in read_table(write(tmp_path, text)).rows] == [0.05, 0.04, 0.01]


def a_runner(params: dict[str, str], settings: Settings) -> Measurement:
    return Measurement(value=float(params.get("k", 1.0)), resolution="10", node_updates=7)


def test_a_renamed_table_finds_its_runner_by_case_id_and_parameters(tmp_path: Path) -> None:
    runners = {("flow_ducts", "umax/umean"): a_runner, ("drop_cortical_tension", "D/Ca"): a_runner}
    renamed = write(tmp_path, "O-F02z,umax/umean,shape=circle;L=R,2,-,0.01,rel,\n", "hidden.csv")
    assert find_runner(read_table(renamed).rows[0], runners) is a_runner
    # the same quantity in a family without a runner must not borrow a stranger's
    strangers = reference(family="capsule_small_deformation", case_id="O-C01", quantity="D/Ca", params={"law": "NH"})
    assert find_runner(strangers, runners) is None
    assert find_runner(replace(strangers, family="hidden"), runners) is None
    assert find_runner(replace(strangers, family="hidden", case_id="O-Z99", quantity="no such"), runners) is None


def test_results_say_unsupported_error_info_and_share_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def counted(params: dict[str, str], settings: Settings) -> Measurement:
        calls.append(settings.quick)
        return a_runner(params, settings)

    def broken(params: dict[str, str], settings: Settings) -> Measurement:
        raise ValueError("no good")

    runners = {("things", "a"): counted, ("things", "b"): broken}
    monkeypatch.setattr(validation, "load_runners", lambda: runners)
    rows = "O-1,a,k=2,2,-,0.1,rel,\nO-1,a,k=2,9,-,0.1,info,\nO-1,a,k=3,2,-,0.1,rel,\n"
    rows += "O-2,b,,1,-,0.1,rel,\nO-3,c,,1,-,0.1,rel,\n"
    results = validation.validate([], write(tmp_path, rows), quick=True)
    assert [row["status"] for row in results] == ["passed", "info", "failed", "error", "unsupported"]
    assert [row["passed"] for row in results] == [True, None, False, False, False]
    assert calls == [True, True]  # two parameter sets, the second row shares the first run
    assert results[0]["node_updates"] == 7 and results[0]["resolution"] == "10" and results[0]["params"] == "k=2"
    assert "no good" in results[3]["message"]
    assert validation.exit_code(results) == 1 and validation.exit_code(results[:2]) == 0
    assert validation.exit_code([results[0], results[4]]) == 1 and validation.exit_code([]) == 1


def test_ids_choose_cases_families_and_patterns_and_unknown_ones_are_refused() -> None:
    rows = validation.references()
    ducts = {row.case_id for row in validation.select(rows, ["O-F02"])}
    assert ducts == {row.case_id for row in rows if row.family == "flow_ducts"}
    assert {row.family for row in validation.select(rows, ["membrane_*"])} == {"membrane_unit", "membrane_bending"}
    with pytest.raises(InputError, match="flow_ducts"):
        validation.select(rows, ["flow_duct"])


def test_a_copied_shipped_table_is_read_the_same_under_another_name(tmp_path: Path) -> None:
    source = resources.data_folder("reference") / "membrane_unit.csv"
    copy = tmp_path / "other.csv"
    shutil.copy(source, copy)
    assert [replace(row, family="") for row in read_table(copy).rows] == [
        replace(row, family="") for row in read_table(source).rows
    ]
