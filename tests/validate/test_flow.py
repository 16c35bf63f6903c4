"""The flow and invariant runners, on cases that the shipped tables do not list."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hemoflow.validate import flow
from hemoflow.validate.find import load_runners
from hemoflow.validate.record import Settings
from hemoflow.validate.run import references, validate
from hemoflow.validate.shapes import Duct, Room, annulus, circle, ellipse, rectangle, triangle

QUICK = Settings(quick=True)
HEADER = "case_id,quantity,params,value,units,tol,tol_type,tol_resolution\n"


def measured(quantity: str, params: dict[str, str], family: str = "flow_ducts") -> float:
    return load_runners()[family, quantity](params, QUICK).value


@pytest.mark.parametrize(
    ("collision", "magic", "tau", "height"), [("TRT", 0.25, 0.6, 5), ("BGK", 0.0, 1.4, 12), ("TRT", 1.0, 3.0, 3)]
)
def test_channel_slip_follows_the_exact_law_at_other_heights_and_magic_parameters(
    collision: str, magic: float, tau: float, height: int
) -> None:
    params = {"collision": collision, "Lambda": str(magic), "tau": str(tau), "H": str(height)}
    used = (tau - 0.5) ** 2 if collision == "BGK" else magic
    law = (16.0 * used - 3.0) / (2.0 * height**2 + 1.0)
    assert flow.slip(params, Settings()).value == pytest.approx(law, abs=1e-9)


@pytest.mark.parametrize("index", [0.5, 1.3])
def test_a_power_law_fluid_has_its_known_pipe_flow(index: float) -> None:
    # At a wall stress this high the viscosity goes with a power of the rate everywhere but on the axis.
    params = {"n": str(index), "a": "2", "muinf/mu0": "0", "tw*": "1000"}
    rate = 1000.0 ** (1.0 / index)
    known = {
        "Q*": index / (3 * index + 1) * rate,
        "umax/umean": (3 * index + 1) / (index + 1),
        "lam*gdot_wall": rate,
    }
    for quantity, value in known.items():
        assert measured(quantity, params, "flow_carreau") == pytest.approx(value, rel=0.005), quantity


def test_blood_in_a_square_duct_of_one_viscosity_is_newtonian() -> None:
    params = {"n": "1", "a": "2", "muinf/mu0": "0.1", "tw*": "4", "shape": "square"}
    assert measured("umax/umean", params, "flow_carreau") == pytest.approx(2.09626, rel=0.003)
    assert measured("lam*gdot_wall", params, "flow_carreau") == pytest.approx(4.0 * 1.3486, rel=0.01)


def test_ducts_of_every_shape_have_their_known_friction() -> None:
    # Darcy friction times Reynolds number, exact (White, Viscous Fluid Flow); 20 nodes across, 1 % as in the table.
    ratio, log = 0.5, np.log(2.0)
    ring = 64.0 * (1.0 - ratio) ** 2 / (1.0 + ratio**2 - (1.0 - ratio**2) / log)
    for params, known in (
        ({"shape": "equilateral triangle", "L": "side"}, 160.0 / 3.0),
        ({"shape": "annulus", "ri/ro": "0.5", "L": "ro"}, ring),
        ({"shape": "rectangle", "AR": "4", "L": "half short side"}, 72.931),
        ({"shape": "circle", "L": "R"}, 64.0),
    ):
        assert measured("fRe_Dh", params) == pytest.approx(known, rel=0.01), params


def test_an_ellipse_does_not_care_which_axis_is_longer() -> None:
    one = measured("Qn", {"shape": "ellipse", "a/b": "2", "L": "b"})
    other = measured("Qn", {"shape": "ellipse", "a/b": "0.5", "L": "b"})
    # Seen from the other axis all lengths are divided by two: the fourth power of the unit.
    assert one == pytest.approx(16.0 * other, rel=1e-3)


def test_an_unknown_shape_is_refused_by_name() -> None:
    with pytest.raises(Exception, match="shape=star is not one of circle"):
        measured("Qn", {"shape": "star"})


def test_a_pipe_starts_as_fast_as_the_pressure_gradient_pushes() -> None:
    # Before the wall is felt the axis moves freely: u/umax = 4 t in units of R^2/nu, to 1 % at t = 0.02.
    assert measured("u(0,t)/umax", {"case": "startup-pipe", "t": "0.02"}, "flow_transient") == pytest.approx(
        0.08, rel=0.02
    )


@pytest.mark.parametrize(("waves", "nodes"), [((2, 1), 16), ((0, 1), 32)])
def test_vortices_of_any_shape_decay_with_their_wave_number(waves: tuple[int, int], nodes: int) -> None:
    params = {"case": "taylor-green", "N": str(nodes), "kx": str(waves[0]), "ky": str(waves[1])}
    exact = 2.0 * (2.0 * np.pi / nodes) ** 2 * (waves[0] ** 2 + waves[1] ** 2)
    assert measured("kinetic-energy decay rate/(nu)", params, "flow_transient") == pytest.approx(exact, rel=0.005)


def test_sections_have_the_area_and_the_wall_they_say() -> None:
    rng = np.random.default_rng(0)
    for section in (circle(3.0), annulus(3.0, 1.2), rectangle(2.0, 3.0), triangle(6.0), ellipse(4.0, 2.0)):
        low, high = section.corners
        points = rng.uniform(low, high, (40_000, 2))
        inside = np.mean(section.distance(points) < 0.0) * np.prod(high - low)
        # Random points: one part in two hundred, four standard deviations.
        assert inside == pytest.approx(section.area, rel=0.02)
        ends = rng.uniform(low, high, (200, 2))
        change = np.abs(section.distance(points[:200]) - section.distance(ends))
        assert np.all(change <= np.linalg.norm(points[:200] - ends, axis=1) + 1e-9), "distances are 1-Lipschitz"
    assert Duct(circle(3.0), 2.0).volume == pytest.approx(18.0 * np.pi)
    assert Room((2.0, 3.0, 4.0), "y").periodic == (True, False, True)


def test_every_row_of_the_flow_and_invariant_tables_has_a_runner() -> None:
    families = {"flow_trt_channel", "flow_ducts", "flow_transient", "invariants"}
    rows = [row for row in references() if row.family in families]
    assert {row.family for row in rows} == families
    runners = load_runners()
    assert all((row.family, row.quantity) in runners for row in rows)


def test_a_renamed_table_still_finds_its_runner_and_reports_work_done(tmp_path: Path) -> None:
    table = tmp_path / "somewhere_else.csv"
    quantity = "rel. error of nodal mean u"
    table.write_text(HEADER + f"O-F01z,{quantity},collision=TRT;Lambda=0.1875;tau=0.9;H=6,0,-,1e-6,abs,\n")
    (result,) = validate(table=table)
    assert result["status"] == "passed" and result["node_updates"] > 0
    json.dumps(result)
