"""Laws of the arrest score: the drop's threshold, the windows, and what holds a stalled object."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from hemoflow.fate.arrest import (
    DRIVEN,
    NOT_ARRESTED,
    ArrestInput,
    ArrestModel,
    adhesive_index,
    bond_lifetime,
    carried_on,
    duration_class,
    entry_threshold,
    flow_force,
    holding_class,
    mechanical_index,
    required_time,
    score_object,
    slow_mask,
    stalls,
)
from hemoflow.fate.runfolder import RunRecord

MODEL = ArrestModel()
MICRON = 1e-6


def history(speed: np.ndarray, seconds: float = 1.0, **changes: object) -> ArrestInput:
    """An object of radius 6 um before a neck that asks for 30 Pa, in a flow of 1 mm/s driven by 20 Pa."""
    n = len(speed)
    made = ArrestInput(
        time=np.linspace(0, seconds, n),
        speed=speed,
        undisturbed=np.full(n, 1e-3),
        lumen=np.full(n, 14 * MICRON),
        confinement=np.full(n, 12 / 14),
        bonds=np.zeros(n),
        pressure_drop=np.full(n, 15.0),
        available=np.full(n, 20.0),
        threshold=30.0,
        radius=6 * MICRON,
        viscosity=1.2e-3,
    )
    return dataclasses.replace(made, **changes)


MOVES = np.full(101, 0.8e-3)
STOPS = np.where(np.arange(101) < 20, 0.8e-3, 1e-6)


@pytest.mark.parametrize(
    ("tension", "diameter", "throat", "expected"),
    [(0.3e-3, 12.4, 5.0, 143), (1e-3, 18.0, 7.0, 349), (0.03e-3, 20.0, 7.0, 11)],
)
def test_entry_threshold_is_that_of_a_drop_at_a_circular_throat(
    tension: float, diameter: float, throat: float, expected: float
) -> None:
    """Rows of the published table, given without decimals."""
    got = entry_threshold(tension, throat / 2 * MICRON, diameter / 2 * MICRON)
    assert got == pytest.approx(2 * tension * (2 / throat - 2 / diameter) / MICRON, rel=1e-12)
    assert got == pytest.approx(expected, abs=0.6)


def test_a_cell_that_fits_has_no_threshold_and_one_that_does_not_has_twice_it_at_twice_the_tension() -> None:
    assert entry_threshold(2e-4, 6 * MICRON, 5 * MICRON) == 0.0
    assert entry_threshold(4e-4, 4 * MICRON, 6 * MICRON) == 2 * entry_threshold(2e-4, 4 * MICRON, 6 * MICRON)
    assert math.isnan(entry_threshold(2e-4, math.nan, 6 * MICRON))


def test_a_stalled_cell_is_held_by_the_neck_when_the_pressure_is_below_the_threshold() -> None:
    s = score_object(history(STOPS), MODEL)
    assert s.arrest_class == s.held_by == "mechanical"
    assert s.mechanical == pytest.approx(30 / 20)
    assert s.stalled_at == pytest.approx(0.2)
    assert s.stalled_seconds == pytest.approx(0.8)
    assert s.duration_class == "pause"
    assert s.extrapolation["class"] == "stable"


def test_a_stalled_cell_above_the_threshold_is_not_held_by_the_neck() -> None:
    s = score_object(history(STOPS, available=np.full(101, 200.0)), MODEL)
    assert s.held_by == "transient"
    assert s.extrapolation["class"] is None


def test_a_moving_cell_is_not_arrested_whatever_its_threshold() -> None:
    s = score_object(history(MOVES, threshold=1e4), MODEL)
    assert s.arrest_class == NOT_ARRESTED
    assert (s.held_by, s.duration_class, s.stalled_seconds) == ("none", "none", 0.0)


def test_a_passed_cell_is_not_arrested_even_if_it_rests_at_the_end() -> None:
    late = np.where(np.arange(101) < 90, 0.8e-3, 0.0)
    assert score_object(history(late), MODEL).arrest_class != NOT_ARRESTED
    assert score_object(history(late, passed=True), MODEL).arrest_class == NOT_ARRESTED


def test_leaving_a_fast_neck_for_a_slow_wide_vessel_is_no_stall() -> None:
    """Flow 100 times slower behind the neck; the cell goes with it all the way."""
    flow = np.where(np.arange(101) < 50, 1e-1, 1e-3)
    assert score_object(history(0.9 * flow, undisturbed=flow), MODEL).arrest_class == NOT_ARRESTED


def test_an_unknown_flow_speed_takes_the_last_known_one() -> None:
    flow = np.where(np.arange(101) < 30, 1e-3, np.nan)
    assert score_object(history(STOPS, undisturbed=flow), MODEL).held_by == "mechanical"


def test_nothing_is_stalled_without_flow() -> None:
    s = score_object(history(np.zeros(101), undisturbed=np.zeros(101)), MODEL)
    assert s.arrest_class == NOT_ARRESTED
    assert s.window_needed == math.inf


def test_a_run_too_short_for_the_window_says_so() -> None:
    s = score_object(history(STOPS, seconds=0.1), MODEL)
    assert s.arrest_class == "mechanical, window not reached"
    assert not s.window_reached


def test_a_cell_that_went_on_is_released() -> None:
    middle = np.where((np.arange(101) > 20) & (np.arange(101) < 70), 0.0, 0.8e-3)
    s = score_object(history(middle), MODEL)
    assert s.arrest_class == "mechanical, released"
    assert s.extrapolation["class"] is None


def test_bonds_without_a_neck_hold_adhesively_and_their_life_is_the_extrapolation() -> None:
    s = score_object(history(STOPS, threshold=0.0, bonds=np.full(101, 5000.0)), MODEL)
    assert s.held_by == "adhesive"
    assert s.extrapolation["retention_seconds"] == bond_lifetime(5000, s.force, MODEL)


def test_indices_without_a_cause_are_zero_and_without_a_counterforce_infinite() -> None:
    assert mechanical_index(0.0, 0.0) == 0.0
    assert mechanical_index(10.0, 0.0) == math.inf
    assert math.isnan(mechanical_index(10.0, math.nan))
    assert adhesive_index(0, 0.0, MODEL) == 0.0
    assert adhesive_index(3, 0.0, MODEL) == math.inf
    assert adhesive_index(100, 100 * MODEL.bond_force, MODEL) == pytest.approx(1.0)


def test_the_windows_split_durations_as_stated() -> None:
    said = [duration_class(t, MODEL) for t in (0.0, 0.5, 1.0, 9.9, 10.0, 59.0, 60.0)]
    assert said == ["none", "pause", "slow", "slow", "arrest", "arrest", "stable"]
    assert required_time(14 * MICRON, 1e-3, MODEL) == 0.2
    assert required_time(14 * MICRON, 1e-4, MODEL) == pytest.approx(1.4)  # ten lumen diameters of flow


@pytest.mark.parametrize(
    ("m", "b", "xi", "expected"),
    [
        (1.0, 0.29, 1.2, "mechanical"),
        (0.4, 0.5, 1.2, "adhesive"),
        (0.9, 0.5, 0.9, "adhesive"),
        (0.9, 0.3, 1.2, "mixed"),
        (1.5, 0.3, 1.2, "mixed"),
        (0.9, 0.1, 1.2, "transient"),
        (0.1, 0.1, 0.9, "transient"),
    ],
)
def test_each_cell_of_the_table_of_indices(m: float, b: float, xi: float, expected: str) -> None:
    assert holding_class(m, b, xi, MODEL) == expected


def test_one_bond_lives_as_bell_says_and_more_bonds_live_longer() -> None:
    free = bond_lifetime(1, 0.0, MODEL)
    assert free == pytest.approx(1 / MODEL.bond_off_rate)
    assert bond_lifetime(1, MODEL.bond_force, MODEL) == pytest.approx(free / math.e)
    assert bond_lifetime(2, 0.0, MODEL) == pytest.approx(1.5 * free)  # 1/2 + 1 of a life


def test_the_flow_pulls_with_the_larger_of_plug_and_drag() -> None:
    d, a, u = 10 * MICRON, 5 * MICRON, 1e-3
    assert flow_force(100.0, d, (1e-3, a, u)) == pytest.approx(100 * math.pi * d**2 / 4)
    assert flow_force(math.nan, d, (1e-3, a, u)) == pytest.approx(6 * math.pi * 1e-3 * a * u)


def test_stalls_are_the_stretches_of_slow_samples_longest_first() -> None:
    found = stalls(np.arange(8.0), np.array([1, 1, 0, 1, 1, 1, 0, 1], bool))
    assert [(s.start, s.end, s.open_ended) for s in found] == [(3, 5, False), (0, 1, False), (7, 7, True)]


def test_what_stands_still_as_a_sine_turns_round_is_not_stalled_and_what_is_stuck_stays_so() -> None:
    time = np.linspace(0.0, 4.0, 401)
    drive = np.abs(np.sin(np.pi * time))
    moving = carried_on(slow_mask(0.8e-3 * drive, 1e-3 * drive, MODEL), drive >= DRIVEN)
    assert not moving.any()
    stuck = carried_on(slow_mask(np.full(401, 2e-6), 1e-3 * drive, MODEL), drive >= DRIVEN)
    assert stuck[10:].all()


def test_the_drive_of_a_run_is_read_from_its_case() -> None:
    wave = {"kind": "sine", "mean": 0.0, "amplitude": 2.0, "period": "0.4 s", "phase": "0 rad"}
    record = RunRecord(Path(), {"flow": {"waveform": wave}}, {}, [], [])
    assert record.drive_share(np.array([0.0, 0.1, 0.3])) == pytest.approx([0.0, 1.0, 1.0])
    assert RunRecord(Path(), {}, {}, [], []).drive_share(np.zeros(2)) == pytest.approx([1.0, 1.0])
