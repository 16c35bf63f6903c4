"""What the flow section of a case becomes on a vessel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hemoflow.build import make_plan
from hemoflow.build.conditions import find_conditions
from hemoflow.build.drives import make_drives, waveform_factor
from hemoflow.build.plan import load_vessel
from hemoflow.case import Case, read_case_text
from hemoflow.case.waveform import Waveform
from hemoflow.errors import InputError
from hemoflow.units import UnitSystem

TUBE = '[vessel]\nformula = "tube"\nlength = "40 um"\ndiameter = "12 um"\n{extra}\n'
REST = '[resolution]\nnode_spacing = "1 um"\n[run]\nuntil = "1 ms"\n'


def case_of(flow: str, extra: str = "", vessel: str = TUBE, rest: str = REST) -> Case:
    return read_case_text(vessel.format(extra=extra) + f"[flow]\n{flow}\n" + rest, Path())


def conditions_of(flow: str, extra: str = "", vessel: str = TUBE):  # type: ignore[no-untyped-def]
    case = case_of(flow, extra, vessel)
    return case, find_conditions(case, load_vessel(case))


def test_a_pressure_drop_lies_between_inlet_and_outlet() -> None:
    _, found = conditions_of('pressure_drop = "50 Pa"')
    assert [found.kinds[k].kind for k in (0, 1)] == ["pressure", "pressure"]
    assert found.amount.tolist() == [50.0, 0.0]
    assert (found.inlets, found.outlets) == ([0], [1])


def test_flow_rate_wall_stress_and_mean_velocity_describe_one_poiseuille_flow() -> None:
    radius, viscosity, speed = 6e-6, 1.2e-3, 1e-3
    flows = [
        f'mean_velocity = "{speed} m/s"',
        f'flow_rate = "{speed * np.pi * radius**2} m^3/s"',
        f'wall_shear_stress = "{4 * viscosity * speed / radius} Pa"',
    ]
    speeds = [conditions_of(flow)[1].amount[0] for flow in flows]
    assert speeds == pytest.approx([speed] * 3, rel=1e-6)


@pytest.mark.parametrize(
    "flow", ['mean_velocity = "1 mm/s"', 'wall_shear_stress = "0.8 Pa"', 'pressure_drop = "10.6666666666667 Pa"']
)
def test_in_a_periodic_tube_every_drive_becomes_the_same_body_force(flow: str) -> None:
    _, found = conditions_of(flow, 'periodic = ["x"]')
    gradient = 8 * 1.2e-3 * 1e-3 / (6e-6) ** 2  # Hagen-Poiseuille
    # the wall shear stress uses the area of the triangulated wall, which lies inside of the round one
    assert found.body_force[0] == pytest.approx(gradient, rel=5e-3)


def test_a_slit_without_side_walls_obeys_plane_poiseuille_flow() -> None:
    vessel = '[vessel]\nformula = "box"\nlength = "20 um"\nwidth = "20 um"\nheight = "10 um"\n{extra}\n'
    _, found = conditions_of('mean_velocity = "1 mm/s"', 'periodic = ["x", "y"]', vessel)
    assert found.body_force[0] == pytest.approx(12 * 1.2e-3 * 1e-3 / (10e-6) ** 2, rel=1e-9)


def test_every_opening_must_be_named_when_openings_are_listed() -> None:
    with pytest.raises(InputError, match="nothing is said about 'outlet'"):
        conditions_of('openings = [{ name = "inlet", pressure = "10 Pa" }]')
    with pytest.raises(InputError, match="no opening is called 'exit'"):
        conditions_of('openings = [{ name = "inlet", pressure = "10 Pa" }, { name = "exit", pressure = "0 Pa" }]')


def test_listed_openings_give_their_roles_by_what_they_impose() -> None:
    _, found = conditions_of(
        'openings = [{ name = "inlet", pressure = "0 Pa" }, { name = "outlet", velocity = "1 mm/s" }]'
    )
    assert (found.inlets, found.outlets) == ([1], [0])


def test_a_waveform_scales_pressures_about_the_lowest_one() -> None:
    case, found = conditions_of(
        'pressure_drop = "50 Pa"\nwaveform = { kind = "sine", mean = 1.0, amplitude = 0.5, period = "1 s" }'
    )
    units = UnitSystem(1e-6, 1e-6, 1025.0)
    drives = make_drives(found, case.flow.waveform, units)
    quarter = drives.table(250_000, 1)[0]
    drop = units.pressure_of(quarter[1] - quarter[2])
    assert drop == pytest.approx(75.0, rel=1e-9)
    assert units.pressure_of(quarter[2]) + drives.reference == pytest.approx(0.0, abs=1e-9)


def test_the_factor_of_a_sine_follows_the_clock() -> None:
    wave = Waveform(kind="sine", mean=2.0, amplitude=1.0, period=0.1, phase=0.0)
    assert waveform_factor(wave, np.array([0.0, 0.025, 0.05, 0.075])) == pytest.approx([2.0, 3.0, 2.0, 1.0])


def test_a_wall_can_only_move_along_itself() -> None:
    box = '[vessel]\nformula = "box"\nlength = "10 um"\nwidth = "10 um"\nheight = "10 um"\nperiodic = ["x", "y"]\n{extra}\n'
    walls = 'wall_velocity = { "z+" = ["1 mm/s", "0 m/s", "1 mm/s"] }'
    with pytest.raises(InputError, match="moves only within its plane"):
        conditions_of("", walls, box)


def test_the_scaled_density_leaves_true_pressures_and_tensions() -> None:
    light, heavy = UnitSystem(1e-6, 1e-7, 1000.0), UnitSystem(1e-6, 4e-7, 4000.0)
    assert light.viscosity == pytest.approx(heavy.viscosity)
    assert heavy.tension / heavy.pressure == pytest.approx(light.tension / light.pressure)


def test_without_cells_the_density_keeps_its_true_value_unless_a_limit_forbids() -> None:
    plan = make_plan(case_of('pressure_drop = "1 Pa"'))
    assert plan.scales.density_scale == pytest.approx(1.0)
