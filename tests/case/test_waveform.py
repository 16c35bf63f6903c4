"""Waveforms from a file: what they are between and beyond their points, and what is wrong with a bad one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hemoflow.case import Case, case_text, read_case_text
from hemoflow.errors import InputError

TEXT = """
[vessel]
formula = "tube"
length = "20 um"
diameter = "8 um"
[flow]
pressure_drop = "10 Pa"
waveform = {{ kind = "file", path = "q.csv"{more} }}
[resolution]
node_spacing = "1 um"
[run]
until = "1 ms"
"""


def case_with(folder: Path, table: str, more: str = "") -> Case:
    (folder / "q.csv").write_text(table)
    return read_case_text(TEXT.format(more=more), folder)


def sine(count: int) -> str:
    time = np.arange(count) / count
    rows = [f"{800 * t:.17g}, {1.0 + 0.5 * np.sin(2 * np.pi * t):.17g}" for t in time]
    return "# a heart beat\ntime [ms], factor\n" + "\n".join(rows) + "\n"


def test_a_spline_through_a_sampled_sine_is_the_sine_in_every_period(tmp_path: Path) -> None:
    wave = case_with(tmp_path, sine(16), ', period = "0.8 s"').flow.waveform
    time = np.linspace(-1.0, 5.0, 601)
    exact = 1.0 + 0.5 * np.sin(2 * np.pi * time / 0.8)
    # Cubic splines are of fourth order: (2 pi/16)^4/384 of the amplitude.
    assert wave.factor(time) == pytest.approx(exact, abs=0.5 * (2 * np.pi / 16) ** 4 / 384 * 1.2)
    assert wave.largest == pytest.approx(1.5, rel=1e-3)


def test_a_curve_without_a_period_is_held_at_both_ends(tmp_path: Path) -> None:
    table = "t (s), factor\n0.1, 0.0\n0.2, 1.0\n0.4, 3.0\n"
    wave = case_with(tmp_path, table, ', interpolation = "linear"').flow.waveform
    assert wave.factor(np.array([0.0, 0.1, 0.15, 0.3, 0.4, 9.0])) == pytest.approx([0.0, 0.0, 0.5, 2.0, 3.0, 3.0])
    smooth = case_with(tmp_path, table).flow.waveform
    ends = smooth.factor(np.array([0.1 - 1e-6, 0.1 + 1e-6, 0.4 - 1e-6, 0.4 + 1e-6]))
    assert np.diff(ends)[[0, 2]] == pytest.approx([0.0, 0.0], abs=1e-9), "no kink where it is held"


def test_the_case_of_a_run_holds_the_curve_itself(tmp_path: Path) -> None:
    case = case_with(tmp_path, sine(12), ', period = "800 ms"')
    text = case_text(case)
    (tmp_path / "q.csv").unlink()
    again = read_case_text(text, tmp_path)
    assert again == case and case_text(again) == text
    time = np.linspace(0.0, 2.0, 50)
    assert np.array_equal(again.flow.waveform.factor(time), case.flow.waveform.factor(time))


@pytest.mark.parametrize(
    ("table", "more", "words"),
    [
        ("time, factor\n0, 1\n1, 2\n", "", "names no unit of time"),
        ("time [um], factor\n0, 1\n1, 2\n", "", "unit of time in the header"),
        ("time [s], factor\n0, 1\n", "", "1 rows of time and factor; give 2 to"),
        ("time [s], factor\n0, 1\n1, x\n", "", "line 3: '1, x' is not two numbers"),
        ("time [s], factor\n0, 1\n1, nan\n", "", "is not finite"),
        ("time [s], factor\n0, 1\n0, 2\n", "", "row 2 is at 0 s, not after 0 s"),
        ("time [s], factor\n0, 1\n2, 1\n", ', period = "1 s"', "shorter than the 2 s that the rows span"),
        ("time [s], factor\n0, 1\n1, 2\n", ', period = "1 s"', "begin at 1 and end at 2"),
        ("time [s], factor\n0, 1\n1, 2\n", ", amplitude = 0.5", 'contradicts kind = "file"'),
        ("time [s], factor\n0, 1\n1, 2\n", ", points = [[0.0, 1.0], [1.0, 2.0]]", "contradict each other"),
    ],
)
def test_a_table_that_is_no_waveform_is_refused_with_its_place(
    tmp_path: Path, table: str, more: str, words: str
) -> None:
    with pytest.raises(InputError) as refused:
        case_with(tmp_path, table, more)
    assert words in str(refused.value) and "flow.waveform" in str(refused.value)


def test_a_curve_belongs_to_a_file_only(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='belongs to kind = "file"'):
        read_case_text(
            TEXT.format(more="").replace('kind = "file", path = "q.csv"', "points = [[0.0, 1.0], [1.0, 2.0]]"), tmp_path
        )
