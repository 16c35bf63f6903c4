"""Events of a cell follow from where it is and how fast it goes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hemoflow.case.waveform import Waveform
from hemoflow.run.measure import principal_extent
from hemoflow.run.places import Place
from hemoflow.run.watch import Watch, finished

FREE = Place(path=20e-6, left=100e-6, front=94e-6, lumen=8e-6, speed=1e-3)
TIGHT = Place(path=40e-6, left=80e-6, front=74e-6, lumen=4e-6, speed=1e-3)


def kinds(events: list[tuple[str, str]]) -> list[str]:
    return [kind for kind, _ in events]


def test_a_cell_enters_where_the_lumen_is_narrower_than_itself_and_exits_where_it_is_wider() -> None:
    watch = Watch("cell", 6e-6)
    assert kinds(watch.update(0.0, FREE, 1e-3)) == []
    assert kinds(watch.update(1.0, TIGHT, 1e-3)) == ["entry"]
    assert kinds(watch.update(2.0, FREE, 1e-3)) == ["exit"]


def test_a_cell_below_two_percent_of_the_undisturbed_speed_pauses_then_arrests_then_is_released() -> None:
    watch = Watch("cell", 5e-6)
    stall = 10 * 10e-6 / 1e-3  # ten diameters of undisturbed flow
    assert kinds(watch.update(0.0, FREE, 1e-5)) == ["pause"]
    assert kinds(watch.update(0.9 * stall, FREE, 1e-5)) == []
    assert kinds(watch.update(1.1 * stall, FREE, 1e-5)) == ["arrest"]
    assert finished([watch], ("stalled",)) == "stalled"
    assert kinds(watch.update(2.0 * stall, FREE, 1e-3)) == ["release"]
    assert finished([watch], ("stalled",)) is None


def test_a_cell_whose_front_reaches_the_outlet_has_passed() -> None:
    watch = Watch("cell", 5e-6)
    assert kinds(watch.update(0.0, Place(90e-6, 6e-6, 1e-6, 8e-6, 1e-3), 1e-3)) == ["passed"]
    assert finished([watch], ("passed", "stalled")) == "passed"


def test_a_moving_cell_does_not_pause_where_a_sine_turns_round_and_a_stuck_one_is_not_released() -> None:
    wave = Waveform(kind="sine", mean=0.0, amplitude=1.0, period=2.0)
    times = np.linspace(0.0, 4.0, 401)
    moving, stuck = Watch("moving", 5e-6), Watch("stuck", 5e-6)
    said: dict[str, list[str]] = {"moving": [], "stuck": []}
    for time, factor, share in zip(times, wave.factor(times), wave.share(times), strict=True):
        said["moving"] += kinds(moving.update(time, FREE, 0.8e-3 * abs(factor), share))
        said["stuck"] += kinds(stuck.update(time, FREE, 2e-6, share))
    assert said == {"moving": [], "stuck": ["pause", "arrest"]}


def test_a_cell_that_comes_back_to_the_inlet_leaves_there_and_one_seeded_there_does_not() -> None:
    at_inlet = dataclasses.replace(FREE, path=6e-6, back=0.5e-6, inlet="artery")
    assert kinds(Watch("seeded there", 6e-6).update(0.0, at_inlet, 1e-3)) == []
    watch = Watch("cell", 6e-6)
    assert watch.update(0.0, dataclasses.replace(FREE, back=14e-6, inlet="artery"), 1e-3) == []
    assert watch.update(1.0, at_inlet, 1e-3) == [("left", "back through the opening 'artery'")]
    assert watch.away and not watch.passed and watch.update(2.0, at_inlet, 1e-3) == []
    assert finished([watch], ("passed",)) == "passed"


def test_a_run_goes_on_while_one_of_its_cells_still_moves() -> None:
    done, moving = Watch("a", 5e-6, passed=True), Watch("b", 5e-6)
    assert finished([done, moving], ("passed", "stalled")) is None
    moving.stalled = True
    assert finished([done, moving], ("passed", "stalled")) == "stalled"


def test_the_principal_extent_of_an_ellipsoid_is_its_axes_in_any_orientation() -> None:
    rng = np.random.default_rng(1)
    sphere = rng.normal(size=(20000, 3))
    sphere /= np.linalg.norm(sphere, axis=1)[:, None]
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    extent = principal_extent(sphere * [3.0, 2.0, 1.0] @ turn.T)
    # the extreme of 20000 random points lies within 1 % of the pole
    assert extent == pytest.approx([6.0, 4.0, 2.0], rel=0.01)
