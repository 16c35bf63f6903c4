"""Promises of report.html: one file that needs nothing else, whatever the run left behind."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from hemoflow.fate.frames import chains
from hemoflow.fate.pictures import instants
from hemoflow.fate.report import write_report
from hemoflow.fate.words import fraction, number, quantity, survival_text
from hemoflow.output.image import FluidGrid
from hemoflow.output.results import ResultsWriter
from hemoflow.output.tracks import TracksWriter

Maker = Callable[..., Path]


def test_the_report_holds_its_figures_and_needs_no_other_file(run_folder: Maker) -> None:
    folder = run_folder()
    page = write_report(folder).read_text(encoding="utf-8")
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    kept = {p.read_bytes() for p in (folder / "figures").iterdir()}
    assert {base64.b64decode(p) for p in pictures} == kept
    assert sorted(p.name for p in (folder / "figures").iterdir()) == [
        "fates.png",
        "flow.png",
        "tracks.png",
        "vessel.png",
    ]
    assert not re.search(r'(?:src|href)="(?!data:|https://doi\.org/)', page)
    assert "<script" not in page and "@import" not in page and "url(" not in page
    assert page.index("The cell passed in 50.0 ms") < page.index("<img") < page.index("What was run")
    assert page.index("Before you use these numbers") < page.index("The cell passed")
    for word in ("Survival", "Peak tension", "risk of death", "Reynolds", "doi.org/10.1371", "do not include"):
        assert word in page
    first = page
    assert write_report(folder).read_text(encoding="utf-8") == first  # the same files, the same report


def test_a_jam_is_told_with_its_pressures(run_folder: Maker) -> None:
    page = write_report(run_folder(jams=True, pressure=20.0, parts=("cell",))).read_text(encoding="utf-8")
    assert "The cell jammed" in page
    assert "20.0 Pa" in page and "mechanical index 1.6" in page
    assert "velocity was not written" in page


def test_a_run_that_stopped_early_and_wrote_no_velocity_still_reports(run_folder: Maker) -> None:
    folder = run_folder(until=0.02, parts=("pressure", "cell"))
    page = write_report(folder).read_text(encoding="utf-8")
    assert "stopped by SIGTERM" in page
    assert "velocity was not written" in page
    assert (folder / "figures" / "vessel.png").is_file()


def test_a_run_without_cells_reports_its_flow(tmp_path: Path) -> None:
    (tmp_path / "case.toml").write_text('[vessel]\nformula = "box"\n[flow]\nviscosity = "1.2e-3 Pa s"\n')
    nodes = np.stack(np.meshgrid(*[np.arange(8)] * 3, indexing="ij"), -1).reshape(-1, 3)
    grid = FluidGrid(nodes, np.zeros(3), 1e-6, {"velocity": 3})
    tracks = TracksWriter(tmp_path, [], [], np.logspace(-3, 4, 71), [])
    with ResultsWriter(tmp_path, grid) as results:
        for t in (0.0, 1e-3):
            results.append(t, {"velocity": np.full((len(nodes), 3), 1e-4)}, {})
            tracks.append(t, {}, {})
    page = write_report(tmp_path).read_text(encoding="utf-8")
    assert "No cell was tracked" in page
    assert "provenance.json does not say how the run ended" in page
    assert [p.name for p in (tmp_path / "figures").iterdir()] == ["vessel.png"]


def test_names_from_a_case_cannot_put_markup_into_the_report(run_folder: Maker) -> None:
    folder = run_folder(parts=None)
    text = (folder / "case.toml").read_text().replace('name = "made-up"', 'name = "<script>alert(1)</script>"')
    (folder / "case.toml").write_text(text)
    (folder / "tracks.h5").unlink()
    page = write_report(folder).read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page
    assert "no tracks" in page


def test_at_most_five_instants_with_the_first_and_the_last() -> None:
    times = np.linspace(0, 1, 50)
    shown = instants(times, None, [0.31])
    assert len(shown) == 5
    assert {0, 15, 49} <= set(shown)
    assert instants(times[:3], None, []) == [0, 1, 2]


def test_scattered_segments_join_into_one_ring() -> None:
    angle = np.linspace(0, 2 * np.pi, 41)
    ring = np.stack([np.cos(angle), np.sin(angle)], -1)
    pieces = np.stack([ring[:-1], ring[1:]], axis=1)
    generator = np.random.default_rng(1)
    pieces = pieces[generator.permutation(40)]
    pieces[::2] = pieces[::2, ::-1]
    found = chains(pieces)
    assert len(found) == 1
    assert len(found[0]) == 41
    np.testing.assert_allclose(found[0][0], found[0][-1], atol=1e-9)


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (0.01234, "s", "12.3 ms"), (90.0, "s", "90.0 s"), (7200.0, "s", "120 min"), (1.24e-5, "m", "12.4 µm"),
        (2e-4, "N/m", "200 µN/m"), (0.0, "Pa", "0 Pa"), (None, "Pa", "–"), (5.4e-13, "m^3/s", "540 pL/s"),
    ],
)  # fmt: skip
def test_quantities_read_in_their_usual_units(value: float | None, unit: str, said: str) -> None:
    assert quantity(value, unit) == said


def test_probabilities_keep_the_digits_that_matter() -> None:
    assert fraction(0.5) == "0.50"
    assert fraction(0.998, {"low": 0.99, "high": 1.0}) == "0.9980 (0.990–1)"
    assert number(2.5e-7, 2) == "2.5 × 10⁻⁷"
    assert number(9.996) == "10.0"
    risk = survival_text({"value": 1 - 8.7e-7, "uncertainty": {"low": 1 - 4e-6, "high": 1 - 8e-7}})
    assert risk == "> 0.999, risk of death 8.7 × 10⁻⁷ (8.0 × 10⁻⁷ to 4.0 × 10⁻⁶)"
