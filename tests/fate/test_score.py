"""Promises of score.json: every number with unit, model, references and limits, from the files of a run alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.fate.check import check_fate
from hemoflow.fate.score import score_folder, write_score
from hemoflow.output.tracks import TracksWriter

Maker = Callable[..., Path]


def entries(value: Any, path: str = "") -> list[tuple[str, dict[str, Any]]]:
    """Every scored value of a score with its path."""
    if isinstance(value, list):
        return [e for i, inner in enumerate(value) for e in entries(inner, f"{path}[{i}]")]
    if not isinstance(value, dict):
        return []
    if "value" in value and "model" in value:
        return [(path, value)]
    return [e for key, inner in value.items() for e in entries(inner, f"{path}.{key}")]


def test_every_value_has_a_unit_a_model_references_and_what_it_does_not_include(run_folder: Maker) -> None:
    score = write_score(run_folder())
    assert set(score) >= {"survival", "arrest", "exit", "transit", "run"}
    found = entries(score)
    assert len(found) > 30
    for path, value in found:
        assert value["unit"] and value["model"], path
        assert isinstance(value["references"], list) and isinstance(value["not_included"], list), path
    for path in (
        ".survival.cells[0].probability",
        ".exit.objects[0].probability",
        ".arrest.objects[0].mechanical_index",
    ):
        value = dict(found)[path]
        low, high = value["uncertainty"]["low"], value["uncertainty"]["high"]
        assert low <= value["value"] <= high
        assert value["uncertainty"]["kind"] and value["references"] and value["not_included"]


def test_the_file_is_strict_json_and_scoring_again_gives_the_same(run_folder: Maker) -> None:
    folder = run_folder()
    write_score(folder)
    first = (folder / "score.json").read_text()
    json.loads(first, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    write_score(folder)
    assert (folder / "score.json").read_text() == first


def test_a_cell_that_passed_is_not_arrested_and_has_its_times(run_folder: Maker) -> None:
    score = score_folder(run_folder())
    transit = score["transit"]["cells"][0]
    assert transit["entry"]["value"] == pytest.approx(0.018)
    assert transit["exit"]["value"] == pytest.approx(0.034)
    assert transit["passed"]["value"] == pytest.approx(0.05)
    arrest = score["arrest"]["objects"][0]
    assert arrest["class"]["value"] == "not arrested"
    assert score["exit"]["objects"][0]["overall"]["value"] == 0.0
    # neck of 4 um radius, T = 0.2 mN/m, a = 6 um; the wall is cut at stations
    assert arrest["entry_threshold"]["value"] == pytest.approx(2 * 2e-4 * (1 / 4e-6 - 1 / 6e-6), rel=0.02)


def test_a_jammed_cell_is_held_mechanically_and_its_exit_counts(run_folder: Maker) -> None:
    score = score_folder(run_folder(jams=True, pressure=20.0))
    arrest = score["arrest"]["objects"][0]
    assert arrest["held_by"]["value"] == "mechanical"
    assert arrest["mechanical_index"]["value"] == pytest.approx(33.3 / 20, rel=0.03)
    assert arrest["class"]["value"].endswith("window not reached")  # 50 ms cannot show an arrest of 0.2 s
    leave = score["exit"]["objects"][0]
    assert leave["overall"]["value"] == leave["probability"]["value"] > 0


def test_case_values_win_over_measured_and_catalogue_ones(run_folder: Maker) -> None:
    stated = run_folder(extra='[fate.arrest]\nthroat_diameter = "6 um"\n')
    arrest = score_folder(stated)["arrest"]["objects"][0]["entry_threshold"]
    assert arrest["throat_basis"] == "fate.arrest.throat_diameter"
    assert arrest["value"] == pytest.approx(2 * 2e-4 * (1 / 3e-6 - 1 / 6e-6), rel=1e-6)
    other = run_folder()
    text = (other / "case.toml").read_text().replace('"0.0002 N/m"', '"0.4 mN/m"')
    (other / "case.toml").write_text(text)
    changed = score_folder(other)["arrest"]["objects"][0]["entry_threshold"]
    assert changed["tension"] == pytest.approx(4e-4)
    assert "uncertainty" not in changed  # the literature's range is of the catalogue's value


def test_a_run_without_cells_or_rows_scores_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text("[flow]\n")
    writer = TracksWriter(tmp_path, [], [], np.logspace(-3, 4, 71), ["in", "out"])
    assert score_folder(tmp_path)["survival"]["cells"] == []
    for t in (0.0, 1e-3):
        writer.append(t, {}, {"flux": [1e-15, -1e-15], "pressure": [10.0, 0.0]})
    score = score_folder(tmp_path)
    assert score["run"]["warnings"] == ["no cell was tracked: there is nothing to score"]
    assert score["exit"]["objects"] == score["transit"]["cells"] == []


def test_a_cell_that_left_early_is_scored_over_the_rows_it_has(run_folder: Maker) -> None:
    from hemoflow.output.reader import read_tracks

    folder = run_folder(parts=None)
    rows = read_tracks(folder)
    (folder / "tracks.h5").unlink()
    writer = TracksWriter(folder, [0], ["tumor"], rows.traction_bins, ["inlet", "outlet"])
    for i, t in enumerate(rows.time):
        cells = {
            "position": rows.position[i],
            "velocity": rows.velocity[i],
            "volume": rows.volume[i],
            "area": rows.area[i],
        }
        writer.append(t, cells if i < 25 else {}, {})
    score = score_folder(folder)
    assert score["survival"]["cells"][0]["exposure"]["value"] == pytest.approx(rows.time[24])


def test_missing_files_and_wrong_fates_are_input_errors(tmp_path: Path, run_folder: Maker) -> None:
    with pytest.raises(InputError, match=r"case\.toml"):
        score_folder(tmp_path)
    folder = run_folder(parts=None, extra="[fate.arrest]\nstall_tim = 1.0\n")
    with pytest.raises(InputError, match=r"fate\.arrest\.stall_tim.*stall_time"):
        score_folder(folder)


def test_the_check_before_a_run_names_every_fault() -> None:
    check_fate({})
    check_fate({"survival": {"anchor_time": "4 h"}, "exit": {"organ": "bone"}})
    with pytest.raises(InputError) as caught:
        check_fate({"survival": {"expnent": 2}, "exit": {"organ": "spleen"}, "arest": {}, "arrest": 3})
    text = str(caught.value)
    for word in (
        "fate.survival.expnent",
        "fate.exit.organ",
        "'spleen'",
        "fate.arest",
        "did you mean 'arrest'",
        "not a table",
    ):
        assert word in text


def test_the_time_a_real_cell_needs_is_modelled_with_the_neck_and_the_cytoplasm_of_the_case(run_folder: Maker) -> None:
    from hemoflow.cells.cytoplasm import Cytoplasm
    from hemoflow.cells.orifice import circle
    from hemoflow.cells.passage import LiquidDrop, entry_time

    found = score_folder(run_folder())["transit"]["cells"][0]["entry_time"]
    drop = LiquidDrop(6e-6, 2e-4, Cytoplasm(130.0, 0.52, 150.0))
    assert found["value"] == pytest.approx(
        entry_time(drop, circle(4e-6), 120.0), rel=0.1
    )  # the neck is cut at stations
    assert found["value"] > 100 * 0.016 and "not resolved" in found["model"] and found["validity"]
    low, high = found["uncertainty"]["low"], found["uncertainty"]["high"]
    assert low < found["value"] < high
    thin = run_folder(extra="")
    text = (
        (thin / "case.toml").read_text().replace("[fate.survival]", 'cytoplasm_viscosity = "13 Pa s"\n[fate.survival]')
    )
    (thin / "case.toml").write_text(text)
    thinner = score_folder(thin)["transit"]["cells"][0]["entry_time"]
    assert thinner["value"] < found["value"] and "uncertainty" not in thinner


def test_a_cell_that_tension_keeps_out_and_one_that_fits_say_so(run_folder: Maker) -> None:
    out = score_folder(run_folder(jams=True, pressure=20.0))["transit"]["cells"][0]["entry_time"]
    assert out["value"] is None and out["outcome"].startswith("never")
    wide = run_folder(extra='[fate.arrest]\nthroat_diameter = "14 um"\n')
    assert score_folder(wide)["transit"]["cells"][0]["entry_time"]["value"] == 0.0
    drop = run_folder()
    (drop / "case.toml").write_text((drop / "case.toml").read_text().replace('"ctc-breast"', '"drop"'))
    unknown = score_folder(drop)["transit"]["cells"][0]["entry_time"]
    assert unknown["value"] is None and unknown["outcome"] == "the cytoplasm of this cell is not known"
