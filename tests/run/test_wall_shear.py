"""Wall shear stress obeys the balances of forces that fix it, in any direction and at any relaxation time."""

from __future__ import annotations

from pathlib import Path

import h5py
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow.build import make_plan, make_setup
from hemoflow.build.setup import Setup
from hemoflow.case import read_case_text
from hemoflow.errors import InputError
from hemoflow.fate.report import write_report
from hemoflow.fate.score import write_score
from hemoflow.geometry.formula import make_vessel
from hemoflow.geometry.refine import vertex_areas
from hemoflow.run import resume, run_case
from hemoflow.run.chunk import run_chunk
from hemoflow.run.measure import node_pressure
from hemoflow.run.observe import FluidFields, observe
from hemoflow.run.wall_shear import PeriodMean, WallShear

PERIODIC = """
[vessel]
{vessel}
[flow]
{flow}
[resolution]
node_spacing = "1 um"
relaxation_time = {tau}
precision = "float64"
[run]
until = "1 ms"
"""
TUBE = 'formula = "tube"\nlength = "5 um"\ndiameter = "{} um"\nperiodic = ["x"]'
WATER = 'pressure_drop = "1 Pa"\nviscosity = "1 mPa s"'
BLOOD = 'pressure_drop = "0.02 Pa"\nrheology = { law = "carreau-yasuda" }'


def settled(vessel: str, steps: int, flow: str = WATER, tau: float = 1.0) -> tuple[Setup, WallShear, FluidFields]:
    """A case after some steps."""
    text = PERIODIC.format(vessel=vessel, flow=flow, tau=tau)
    setup = make_setup(make_plan(read_case_text(text, Path())))
    state, _ = run_chunk(setup.model, setup.state, jnp.asarray(setup.drives.table(0, steps)))
    fluid, _ = observe(setup.model, state, jnp.asarray(setup.drives.at(steps)))
    return setup, WallShear(setup.plan), fluid


@pytest.mark.parametrize("diameter", [16.0, 17.3, 19.7])
def test_a_tube_is_dragged_along_by_a_quarter_of_gradient_times_diameter(diameter: float) -> None:
    setup, shear, fluid = settled(TUBE.format(diameter), 1200)
    traction = shear.traction(fluid)
    expected = 0.25 * setup.plan.conditions.body_force[0] * diameter * 1e-6
    np.testing.assert_allclose(traction[:, 0], expected, rtol=0.0115)
    assert np.abs(traction[:, 1:]).max() < 0.01 * expected
    pull = vertex_areas(*shear.surface) @ traction[:, 0]
    push = setup.plan.conditions.body_force[0] * setup.plan.vessel.volume
    assert pull == pytest.approx(push, rel=0.01)


def test_a_plane_wall_carries_half_of_gradient_times_width_wherever_it_lies_between_nodes() -> None:
    for width in (16.0, 16.6):
        vessel = f'formula = "channel"\nlength = "4 um"\nwidth = "{width} um"\nheight = "4 um"\nperiodic = ["x", "z"]'
        setup, shear, fluid = settled(vessel, 2000)
        expected = 0.5 * setup.plan.conditions.body_force[0] * width * 1e-6
        np.testing.assert_allclose(shear.traction(fluid)[:, 0], expected, rtol=1e-4)


def test_the_relaxation_time_leaves_no_mark() -> None:
    found = []
    for tau, steps in ((0.7, 3000), (1.7, 500)):
        setup, shear, fluid = settled(TUBE.format(16.4), steps, tau=tau)
        found.append(shear.traction(fluid)[:, 0] / setup.plan.conditions.body_force[0])
    np.testing.assert_allclose(*found, rtol=2e-3)


def test_blood_that_thins_drags_its_tube_by_the_same_force() -> None:
    setup, shear, fluid = settled(TUBE.format(16.0), 1500, flow=BLOOD)
    assert setup.model.fluid.thinning is not None
    expected = 0.25 * setup.plan.conditions.body_force[0] * 16e-6
    np.testing.assert_allclose(shear.traction(fluid)[:, 0], expected, rtol=0.02)


def test_a_tube_that_lies_across_the_lattice_is_dragged_along_by_its_pressure_drop(tmp_path: Path) -> None:
    import meshio

    diameter, length = 16e-6, 28e-6
    vertices, faces = make_vessel("tube", length=length, diameter=diameter).surface()
    turn, _ = np.linalg.qr(np.array([[0.8, 0.2, 0.1], [0.5, 0.8, -0.4], [0.3, 0.3, 0.9]]))
    meshio.Mesh(vertices @ turn.T * 1e6, [("triangle", faces)]).write(tmp_path / "tube.stl")
    vessel = f'geometry = "{tmp_path / "tube.stl"}"\nunit = "um"'
    setup, shear, fluid = settled(vessel, 1500)
    lumen, traction = setup.plan.lumen, shear.traction(fluid)
    axis = -setup.plan.vessel.openings[setup.plan.conditions.inlets[0]].normal
    assert np.abs(axis).max() < 0.9
    at, on_wall = (places @ axis for places in (lumen.position(lumen.nodes), shear.surface[0]))
    slices = [np.abs(x - np.mean(at)) < 0.3 * length for x in (at, on_wall)]
    gradient = -np.polyfit(at[slices[0]], node_pressure(setup, fluid)[slices[0]], 1)[0]
    pull = traction[slices[1]] @ axis
    np.testing.assert_allclose(pull, 0.25 * gradient * diameter, rtol=0.02)
    assert vertex_areas(*shear.surface)[slices[1]] @ pull == pytest.approx(
        vertex_areas(*shear.surface)[slices[1]].sum() * 0.25 * gradient * diameter, rel=0.01
    )


def test_a_box_without_walls_has_no_wall_shear_stress() -> None:
    vessel = 'formula = "box"\nlength = "8 um"\nwidth = "8 um"\nheight = "8 um"\nperiodic = ["x", "y", "z"]'
    text = PERIODIC.format(
        vessel=vessel, flow='viscosity = "1 mPa s"\ninitial_velocity = "taylor-green"\ninitial_speed = "1 mm/s"', tau=1
    )
    with pytest.raises(InputError, match="needs a wall"):
        make_plan(read_case_text(text + '[output]\nfields = ["wall_shear_stress"]\n', Path()))


def test_a_shear_that_swings_evenly_has_half_of_its_size_in_the_index() -> None:
    """He and Ku: 0 where the direction stays, 1/2 where the mean vanishes, between them for what swings more one way."""
    mean = PeriodMean(period=2.0, points=3)
    assert np.isnan(mean.means()[0]).all()
    for time in np.linspace(0.0, 5.0, 1001):
        swing = np.sin(np.pi * time)
        mean.see(time, np.array([[swing, 0, 0], [3.0 + swing, 0, 0], [0, 0.5 + swing, 0]]))
    size, index = mean.means()
    part = (2.0 / np.pi) * (np.sqrt(0.75) + 0.5 * np.arcsin(0.5))
    np.testing.assert_allclose(size, [2.0 / np.pi, 3.0, part], rtol=1e-3)
    np.testing.assert_allclose(index, [0.5, 0.0, 0.5 * (1 - 0.5 / part)], atol=1e-3)


def test_means_go_on_where_they_stopped() -> None:
    times, rng = np.linspace(0.0, 3.0, 31), np.random.default_rng(0)
    values = rng.normal(size=(31, 4, 3))
    whole = PeriodMean(1.0, 4)
    for time, value in zip(times, values, strict=True):
        whole.see(time, value)
    first, second = PeriodMean(1.0, 4), PeriodMean(1.0, 4)
    for time, value in zip(times[:17], values[:17], strict=True):
        first.see(time, value)
    second.restore(first.arrays())
    for time, value in zip(times[16:], values[16:], strict=True):  # the last one is seen again
        second.see(time, value)
    assert all(np.array_equal(a, b) for a, b in zip(whole.means(), second.means(), strict=True))
    assert np.isfinite(whole.means()[1]).all()


PULSE = """
[vessel]
formula = "tube"
length = "10 um"
diameter = "8 um"
[flow]
pressure_drop = "20 Pa"
waveform = { kind = "sine", mean = 1.0, amplitude = 2.0, period = "0.2 ms" }
[resolution]
node_spacing = "1 um"
[run]
until = "0.5 ms"
[output]
every = "0.1 ms"
fields = ["wall_shear_stress"]
"""


def test_a_pulsating_run_writes_shear_and_its_means_and_goes_on_exactly(tmp_path: Path) -> None:
    case = tmp_path / "case.toml"
    case.write_text(PULSE)
    assert run_case(case, tmp_path / "whole", progress=False) == 0
    assert run_case(case, tmp_path / "parts", ["run.until=0.3 ms"], progress=False) == 0
    assert resume(tmp_path / "parts", until="0.5 ms", progress=False) == 0
    seen = []
    for name in ("whole", "parts"):
        with h5py.File(tmp_path / name / "results.vtkhdf") as file:
            wall = file["VTKHDF/wall"]
            points = int(wall["NumberOfPoints"][0])
            middle = wall["Points"][:, 0]
            steps = int(wall["Steps"].attrs["NSteps"])
            seen.append({k: v[:].reshape(steps, points, -1) for k, v in wall["PointData"].items()})
            assert wall["PointData/wall_shear_stress"].attrs["unit"] == "Pa"
    whole, parts = seen
    assert set(whole) == {
        "wall_shear_stress",
        "wall_shear_stress_magnitude",
        "time_averaged_wall_shear_stress",
        "oscillatory_shear_index",
    }
    for name, values in whole.items():
        np.testing.assert_array_equal(values, parts[name])
    size = whole["wall_shear_stress_magnitude"][..., 0]
    np.testing.assert_allclose(np.linalg.norm(whole["wall_shear_stress"], axis=2), size, rtol=1e-5)
    # At this speed the flow follows the pressure at once: |1 + 2 sin| and 1 + 2 sin over a period.
    phase = np.linspace(0.0, 2 * np.pi, 10001)
    swing = np.mean(np.abs(1 + 2 * np.sin(phase)))
    mean, index = (whole[k][-1, :, 0] for k in ("time_averaged_wall_shear_stress", "oscillatory_shear_index"))
    inner = np.abs(middle - 5e-6) < 1.5e-6
    assert inner.sum() > 20
    assert np.isnan(whole["time_averaged_wall_shear_stress"][0]).all()
    np.testing.assert_allclose(index[inner], 0.5 * (1 - 1 / swing), atol=0.02)
    np.testing.assert_allclose(mean[inner], swing * 20.0 * 8.0 / (4 * 10.0), rtol=0.05)


def test_the_score_says_how_the_shear_is_spread_over_the_wall(tmp_path: Path) -> None:
    case = tmp_path / "case.toml"
    case.write_text(PULSE.replace('waveform = { kind = "sine", mean = 1.0, amplitude = 2.0, period = "0.2 ms" }', ""))
    run_case(case, tmp_path / "out", ["run.until=0.1 ms"], progress=False)
    wall = write_score(tmp_path / "out")["wall"]
    shear = wall["wall_shear_stress"]
    assert set(wall) == {"time", "wall_shear_stress"} and shear["unit"] == "Pa"
    order = [shear[k] for k in ("minimum", "percentile_5", "percentile_50", "percentile_95", "maximum")]
    assert order == sorted(order)
    assert shear["mean"] == pytest.approx(20.0 * 8.0 / (4 * 10.0), rel=0.03)
    assert shear["area"]["value"] == pytest.approx(np.pi * 8e-6 * 10e-6, rel=0.01)
    page = write_report(tmp_path / "out").read_text()
    assert "Wall shear" in page and (tmp_path / "out/figures/wall.png").is_file()
    assert "Matyka" in page
