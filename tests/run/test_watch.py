"""Events of a cell follow from where it is and how fast it goes."""

from __future__ import annotations

import numpy as np
import pytest

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
