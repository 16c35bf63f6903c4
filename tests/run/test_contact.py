"""Several cells in one run: they keep off each other, a search without room is done again, and what goes wrong is said with its cell."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow import health
from hemoflow.build import Setup, make_plan, make_setup
from hemoflow.case import read_case
from hemoflow.errors import RunError
from hemoflow.interaction.cells import gaps
from hemoflow.model import Model, State
from hemoflow.run import run_case
from hemoflow.run.chunk import inspect, run_chunk
from hemoflow.run.diagnosis import diagnosis
from hemoflow.run.engine import OneDevice, with_search
from hemoflow.run.gaps import cell_gaps
from hemoflow.run.loop import Trajectory, make_clock
from hemoflow.step import Observed, spots_of

TWO = """
[vessel]
formula = "tube"
diameter = "14 um"
length = "24 um"
periodic = ["x"]

[flow]
body_force = ["1e6 N/m^3", "0 N/m^3", "0 N/m^3"]

[resolution]
node_spacing = "1 um"

[contact]
cell_range = "0.3 um"
wall_range = "0.3 um"

[[cells]]
type = "ctc-colorectal"
name = "one"
diameter = "8 um"
vertices = 162
position = ["7.8 um", "0 um", "0 um"]

[[cells]]
type = "ctc-colorectal"
name = "two"
diameter = "8 um"
vertices = 162
position = ["16.1 um", "0.2 um", "0 um"]

[run]
until = "20 us"
"""


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory) -> Setup:
    path = tmp_path_factory.mktemp("two") / "case.toml"
    path.write_text(TWO)
    return make_setup(make_plan(read_case(path, [])))


def moved(state: State, x: float) -> State:
    """The second cell moved along x by nodes."""
    (cells,) = state.cells
    offset = cells.offset.at[1, :, 0].add(x)
    return eqx.tree_at(lambda s: s.cells[0].offset, state, offset)


def smallest_gap(model: Model, state: State) -> float:
    assert model.contact.cells is not None
    return float(jnp.min(gaps(model.contact.cells, spots_of(state.cells))[0]))


def test_cells_pushed_together_come_apart_and_stay_outside_of_each_other(setup: Setup) -> None:
    model, start = setup.model, moved(setup.state, -0.35)
    assert smallest_gap(model, start) < 0.0
    drives = jnp.asarray(setup.drives.table(0, 60), jnp.float32)
    state, report = run_chunk(model, start, drives)
    assert int(report.bits) == 0
    assert smallest_gap(model, state) > 0.0
    centres = [np.asarray(s.cells[0].offset, float).mean(axis=1) for s in (start, state)]
    apart = [c[1, 0] - c[0, 0] for c in centres]
    assert apart[1] > apart[0]


def test_a_chunk_without_room_is_done_again_and_gives_the_numbers_of_one_with_room(setup: Setup) -> None:
    assert setup.model.contact.cells is not None
    search = setup.model.contact.cells.search
    seen = []
    for slots, edge in ((search.slots, search.edge), (3, 0.7 * search.edge)):
        small = dataclasses.replace(search, slots=slots, edge=edge)
        tight = dataclasses.replace(setup, model=with_search(setup.model, small))
        engine = OneDevice(tight.model)
        run = Trajectory(tight, engine, setup.state, make_clock(tight, 2e-5))
        report, _ = run.advance()
        assert int(report.bits) == 0
        seen.append((np.asarray(run.state.cells[0].offset), run.enlarged, engine.model.contact.cells.search))
    assert seen[0][1] == 0 and seen[1][1] >= 1 and seen[1][2].slots > 3 and seen[1][2].edge > 0.7 * search.edge
    np.testing.assert_array_equal(seen[0][0], seen[1][0])


def checked(setup: Setup, state: State) -> tuple[int, str]:
    """Error bits of a state, and what is said about them."""
    report = inspect(setup.model, state, Observed(jnp.zeros(3), jnp.zeros(3), jnp.zeros(())))
    return int(report.bits), diagnosis(setup, setup.model, state, report, (10, 1e-6, 5))


def test_a_vertex_inside_another_cell_is_said_with_both_cells_and_the_remedy(setup: Setup) -> None:
    assert not checked(setup, setup.state)[0]
    bits, said = checked(setup, moved(setup.state, -0.55))
    assert bits == health.INSIDE_CELL
    assert "a vertex is inside another cell: raise contact.strength" in said
    assert "cell 'one' (id 0) at (7.8," in said and "cell 'two' (id 1) at (15.5," in said
    assert "um inside each other" in said and "stopped healthy at step 10" in said


def test_a_cell_deep_inside_another_is_seen_at_the_end_of_a_chunk(setup: Setup) -> None:
    # deeper than the range, where the search of the steps finds no face
    run = Trajectory(setup, OneDevice(setup.model), moved(setup.state, -8.0), make_clock(setup, 2e-6))
    with pytest.raises(RunError, match="a vertex is inside another cell"):
        run.advance()


@pytest.mark.parametrize("apart, gap", [(8.3, 0.3), (11.0, 3.0), (16.5, -0.5)])
def test_the_gap_between_cells_is_measured_across_periods_at_any_distance(
    setup: Setup, apart: float, gap: float
) -> None:
    seen = cell_gaps(setup.model, moved(setup.state, apart - 8.3).cells)
    # faces of 162 vertices lie up to 0.06 inside of the sphere, and the second cell 0.2 beside the axis of the first
    assert seen == pytest.approx([gap, gap], abs=0.12)


def test_a_cell_out_of_the_lumen_is_said_and_a_dead_one_is_not(setup: Setup) -> None:
    (cells,) = setup.state.cells
    away = eqx.tree_at(lambda s: s.cells[0].anchor, setup.state, cells.anchor.at[1, 1].add(30))
    bits, said = checked(setup, away)
    assert bits & health.OUT_OF_LUMEN and "cell 'two' (id 1)" in said and "out of the lumen" in said
    assert "cell 'one'" not in said
    gone = eqx.tree_at(lambda s: s.cells[0].alive, away, jnp.asarray([True, False]))
    assert not checked(setup, gone)[0]


def test_a_run_of_two_cells_that_touch_ends_well_and_logs_its_gap(tmp_path: Path) -> None:
    path = tmp_path / "case.toml"
    path.write_text(TWO)
    assert run_case(path, tmp_path / "out", progress=False) == 0
    last = json.loads((tmp_path / "out" / "log.jsonl").read_text().splitlines()[-1])
    assert last["healthy"] and last["searches_enlarged"] == 0


def test_a_run_that_never_finds_room_stops(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemoflow.run.loop.MOST_GROWTH", 1)
    assert setup.model.contact.cells is not None
    search = dataclasses.replace(setup.model.contact.cells.search, slots=1)
    tight = dataclasses.replace(setup, model=with_search(setup.model, search))
    run = Trajectory(tight, OneDevice(tight.model), setup.state, make_clock(tight, 2e-5))
    with pytest.raises(RunError, match="the search for neighbours has too little room: use fewer cells"):
        run.advance()
