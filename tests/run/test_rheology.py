"""A case of blood that thins: the flow that was asked for, and cells in it."""

from __future__ import annotations

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow.build import make_plan, make_setup
from hemoflow.build.setup import Setup
from hemoflow.case import read_case_text
from hemoflow.fluid.moments import momentum
from hemoflow.fluid.solver import begin, finish
from hemoflow.model import State
from hemoflow.step import step

TUBE = """
[vessel]
formula = "tube"
length = "24 um"
diameter = "{diameter}"
periodic = ["x"]
[flow]
mean_velocity = "2 mm/s"
{fluid}
[resolution]
node_spacing = "{spacing}"
precision = "float64"
[run]
until = "1 ms"
{cell}
"""
CELL = '[[cells]]\ntype = "capsule"\ndiameter = "8 um"\nshear_modulus = "5 uN/m"\nvertices = 162\nposition = ["12 um", "1 um", "0 um"]'


def setup(fluid: str, cell: str = "", diameter: str = "16 um", spacing: str = "1 um") -> Setup:
    text = TUBE.format(fluid=fluid, cell=cell, diameter=diameter, spacing=spacing)
    return make_setup(make_plan(read_case_text(text, Path())))


def after(made: Setup, steps: int) -> State:
    drive = jnp.asarray(made.drives.at(0))
    start = State(begin(made.model.fluid, made.state.fluid), made.state.cells, made.state.bonds)  # type: ignore[arg-type]
    run = jax.jit(lambda s: jax.lax.fori_loop(0, steps, lambda _, x: step(made.model, x, drive)[0], s))
    end = run(start)
    return State(finish(made.model.fluid, end.fluid), end.cells, end.bonds)


def test_a_periodic_tube_of_blood_gets_the_mean_velocity_it_was_asked_for() -> None:
    made = setup('rheology = { law = "carreau-yasuda" }', diameter="240 um", spacing="12 um")
    state = after(made, 6000)
    speed = np.asarray(momentum(list(state.fluid.populations))[0])
    units = made.plan.units
    mean = speed.sum() * made.plan.lumen.spacing**3 / made.plan.vessel.volume * units.velocity
    assert mean == pytest.approx(2e-3, rel=0.03)


@pytest.mark.slow
def test_a_cell_moves_in_blood_of_equal_viscosities_as_in_a_newtonian_fluid() -> None:
    same = 'rheology = { zero_shear_viscosity = "2 mPa s", infinite_shear_viscosity = "2 mPa s" }'
    one, other = setup(same, CELL), setup('viscosity = "2 mPa s"', CELL)
    assert one.model.fluid.thinning is not None and other.model.fluid.thinning is None
    moved, expected = after(one, 30).cells[0].offset, after(other, 30).cells[0].offset
    assert np.max(np.abs(np.asarray(expected - other.state.cells[0].offset))) > 0.01
    np.testing.assert_allclose(np.asarray(moved), np.asarray(expected), atol=1e-9)
