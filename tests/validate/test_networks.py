"""The network table is met by the 0-D solver, for the rows listed and for any other network of the same form."""

from __future__ import annotations

import pytest

from hemoflow.errors import InputError
from hemoflow.validate.networks import flow_between, network_of, pressure_at
from hemoflow.validate.record import Settings
from hemoflow.validate.run import validate

TEE = {"edges": "in-x D10 L50|x-d1 D8 L60|x-d2 D6 L80", "bc": "in:500|d1:0|d2:0"}


def measured(quantity: str, **params: str) -> float:
    start, arrow, end = quantity.removeprefix("Q ").partition("->")
    runner = flow_between(start, end) if arrow else pressure_at(quantity[2:-1])
    return runner(TEE | params, Settings()).value


def test_every_network_row_of_the_table_is_met_to_its_last_digit():
    results = validate(["O-F11"])
    assert len(results) == 14
    # The table prints ten significant digits: half a unit in the last one is at most 5e-10 of the value.
    assert max(result["error"] for result in results) < 5e-10


def test_networks_of_any_names_and_flows_are_run_from_a_table(tmp_path):
    table = tmp_path / "mine.csv"
    row = "O-F11z,{},edges=a1-m D10 L50|m-out.2 D8 L60;bc=a1:Q600000|out.2:0,{},um^3/s,1e-9,rel\n"
    # Flow in is flow out; the pressure over the second tube is 128 mu L Q/(pi D^4).
    drop = 128 * 1.2e-3 * 60e-6 * 600000e-18 / (3.141592653589793 * 8e-6**4)
    table.write_text(
        "case_id,quantity,params,value,units,tol,tol_type\n"
        + row.format("Q m->out.2", 600000)
        + row.format("p(m)", drop)
    )
    assert [result["status"] for result in validate(table=table)] == ["passed", "passed"]


def test_flow_scales_with_pressure_and_inversely_with_viscosity():
    # Stokes flow is linear; 1e-12 is rounding.
    doubled = measured("Q x->d1", bc="in:1000|d1:0|d2:0", mu="2.4e-3")
    assert doubled == pytest.approx(measured("Q x->d1"), rel=1e-12)


def test_flow_against_the_direction_asked_is_negative():
    assert measured("Q x->d1", bc="in:0|d1:500|d2:0") < 0
    assert measured("Q d1->x") == pytest.approx(-measured("Q x->d1"), rel=1e-12)


def test_segments_side_by_side_share_the_flow_between_their_ends():
    # Two equal tubes side by side carry twice what one does, between held pressures.
    single = measured("Q in->x", edges="in-x D10 L50", bc="in:500|x:0")
    assert measured("Q in->x", edges="in-x D10 L50|x-in D10 L50", bc="in:500|x:0") == pytest.approx(
        2 * single, rel=1e-12
    )


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"edges": "in-x D10"}, "form"),
        ({"edges": "in-x D-10 L50"}, "diameter"),
        ({"edges": "in-x Dwide L50"}, "not a number"),
        ({"bc": "in:500|q:0"}, "do not exist"),
        ({"bc": "in:fast"}, "not a number"),
    ],
)
def test_cases_that_describe_no_network_are_refused(params, words):
    with pytest.raises(InputError, match=words):
        network_of(TEE | params)


def test_nodes_that_no_segment_joins_have_no_flow_between_them():
    with pytest.raises(InputError, match="no segment joins"):
        measured("Q in->d1")
