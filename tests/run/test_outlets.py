"""Openings whose pressure follows from the flow rate: resistances and Windkessels behind a short tube."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

from hemoflow.build import Setup, make_plan, make_setup
from hemoflow.case import read_case_text
from hemoflow.output.checkpoint import load_checkpoint
from hemoflow.run import resume, run_case
from hemoflow.run.engine import OneDevice
from hemoflow.run.loop import Clock, Trajectory

VISCOSITY, RADIUS = 1.2e-3, 4e-6
CASE = """
[vessel]
formula = "tube"
length = "{length} um"
diameter = "8 um"
[flow]
openings = [{{ name = "inlet", {inlet} }}, {{ name = "outlet", {outlet} }}]
[resolution]
node_spacing = "1 um"
{more}
[run]
until = "{until}"
"""


def poiseuille(length: float) -> float:
    """Resistance of the tube, Pa s/m^3."""
    return 8.0 * VISCOSITY * length / (np.pi * RADIUS**4)


def case_text(length: float, inlet: str, outlet: str, more: str = "", until: str = "1 ms") -> str:
    return CASE.format(length=length * 1e6, inlet=inlet, outlet=outlet, more=more, until=until)


def history(text: str, chunk: int, chunks: int) -> tuple[Setup, np.ndarray]:
    """Rows of time (s), flow rate in and out (m^3/s) of the last chunk, and pressure (Pa) of the load."""
    case = read_case_text(text, Path())
    with jax.enable_x64(case.resolution.precision == "float64"):
        setup = make_setup(make_plan(case))
        units, outlets = setup.plan.units, setup.model.outlets
        run, rows = Trajectory(setup, OneDevice(setup.model), setup.state, Clock(units.dt, chunk, 1)), []
        assert outlets is not None
        for _ in range(chunks):
            report, _ = run.advance()
            state = run.state.outlets
            assert state is not None
            inflow, outflow = np.asarray(report.flux, float)[1:] * units.flow_rate / chunk
            density = float((outlets.proximal * state.flow[0] + state.stored[0])[0])
            rows.append((run.clock.time, inflow, -outflow, units.pressure_of(density)))
    return setup, np.array(rows)


@pytest.mark.parametrize("times", [0.5, 50.0])
def test_a_tube_and_a_resistance_divide_the_pressure_drop(times: float) -> None:
    length = 12e-6
    tube = poiseuille(length)
    outlet = f'resistance = "{times * tube!r} Pa s/m^3", distal_pressure = "20 Pa"'
    _, rows = history(case_text(length, 'pressure = "100 Pa"', outlet), 250, 16)
    expected = 80.0 / (tube * (1.0 + times))
    _, inflow, outflow, pressure = rows[-1]
    # 1 % is what the tube itself may be off at 8 nodes across.
    assert inflow == pytest.approx(expected, rel=0.01)
    assert outflow == pytest.approx(inflow, rel=1e-4)
    assert pressure == pytest.approx(times * tube * outflow, rel=1e-4)
    # Nothing rings: the pressure of the load never passes what it settles at by more than 1 %.
    assert rows[:, 3].max() < 1.01 * pressure


def windkessel(time: float) -> tuple[str, str, float, float, float]:
    """Inlet, outlet, flow rate, proximal and distal resistance of a tube's load with a time constant (s)."""
    proximal, distal, flow_rate = 0.5 * poiseuille(8e-6), 2.0 * poiseuille(8e-6), 5e-15
    loads = (
        f'proximal = "{proximal!r} Pa s/m^3", distal = "{distal!r} Pa s/m^3", capacitance = "{time / distal!r} m^3/Pa"'
    )
    return f'flow_rate = "{flow_rate} m^3/s"', f"windkessel = {{ {loads} }}", flow_rate, proximal, distal


@pytest.mark.parametrize("more", ["", "density_scale = 2.0"])
def test_a_windkessel_fills_with_its_time_constant_after_a_step_in_flow(more: str) -> None:
    time = 1.5e-3
    inlet, outlet, flow_rate, proximal, distal = windkessel(time)
    text = case_text(8e-6, inlet, outlet, more)
    steps = round(0.15 * time / make_plan(read_case_text(text, Path())).units.dt)
    _, rows = history(text, steps, 10)
    expected = flow_rate * (proximal + distal * (1.0 - np.exp(-rows[:, 0] / time)))
    # The tube's own compressibility on the lattice adds 0.5 % to the capacitance.
    assert rows[:, 3] == pytest.approx(expected, abs=0.015 * expected.max())
    left = np.log(1.0 - (rows[:, 3] / flow_rate - proximal) / distal)
    assert -1.0 / np.polyfit(rows[2:, 0], left[2:], 1)[0] == pytest.approx(time, rel=0.02)


def test_both_tiers_see_the_same_load(monkeypatch: pytest.MonkeyPatch) -> None:
    inlet, outlet, *_ = windkessel(1e-3)
    text = case_text(8e-6, inlet, outlet, 'precision = "float64"')
    rows = []
    for tier in ("jax", ""):
        monkeypatch.setenv("HEMOFLOW_BACKEND", tier)
        rows.append(history(text, 25, 2)[1])
    assert rows[0] == pytest.approx(rows[1], rel=1e-9)


def test_a_run_with_a_windkessel_goes_on_exactly(tmp_path: Path) -> None:
    inlet, outlet, *_ = windkessel(1e-3)
    path = tmp_path / "case.toml"
    path.write_text(case_text(8e-6, inlet, outlet, until="0.2 ms") + '[output]\nevery = "50 us"\n')
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    assert run_case(path, whole, progress=False) == 0
    assert run_case(path, parts, ["run.until=0.1 ms"], progress=False) == 0
    assert resume(parts, until="0.2 ms", progress=False) == 0
    one, other = load_checkpoint(whole)[0], load_checkpoint(parts)[0]
    assert set(one) == set(other) and "outlets/stored" in one
    assert all(np.array_equal(one[name], other[name]) for name in one)
