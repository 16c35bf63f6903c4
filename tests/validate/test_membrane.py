"""The membrane tables are met by measuring on meshes, for parameters that stand in no table."""

from __future__ import annotations

import math
from pathlib import Path

import jax
import pytest

from hemoflow import resources
from hemoflow.errors import InputError
from hemoflow.validate import membrane
from hemoflow.validate.find import load_runners
from hemoflow.validate.record import Settings
from hemoflow.validate.run import validate
from hemoflow.validate.table import read_table

FULL, QUICK = Settings(), Settings(quick=True)
FAMILIES = ("membrane_unit", "membrane_bending")


def table(family: str) -> Path:
    return next(path for path in resources.reference_tables() if path.stem == family)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_judged_row_passes(family: str) -> None:
    for result in validate(table=table(family)):
        # the tables print ten digits: a reference is known no better than half a unit of the last one
        printed = 5e-10 if result["tol_type"] == "rel" else 0.0
        assert result["error"] <= result["tolerance"] + printed, result
        assert result["node_updates"] > 0 and result["resolution"]


def test_quick_rows_pass_with_the_tolerance_that_the_table_states_for_them() -> None:
    results = validate(table=table("membrane_bending"), quick=True)
    assert all(result["passed"] for result in results)


def test_every_quantity_of_the_tables_has_a_runner() -> None:
    runners = load_runners()
    for family in FAMILIES:
        assert {(family, row.quantity) for row in read_table(table(family)).rows} <= set(runners)


def neo_hookean(l1: float, l2: float) -> float:
    return (l1**2 - (l1 * l2) ** -2) / (l1 * l2)


@pytest.mark.parametrize("stretch", [0.7, 1.02, 1.6, 4.0])
def test_neo_hookean_patches_follow_the_law_at_stretches_that_no_table_lists(stretch: float) -> None:
    params = {"law": "NH", "l": str(stretch), "l1": str(stretch)}
    expected = {
        membrane.isotropic_energy: 0.5 * (2 * stretch**2 + stretch**-4 - 3),
        membrane.isotropic_tension: neo_hookean(stretch, stretch),
        membrane.uniaxial_stretch: stretch**-0.5,
        membrane.uniaxial_tension: neo_hookean(stretch, stretch**-0.5),
    }
    with jax.enable_x64(True):
        for runner, value in expected.items():
            assert runner(params, FULL).value == pytest.approx(value, rel=1e-11)


@pytest.mark.parametrize(("dilation", "stretch"), [(0.0, 1.2), (10.0, 0.9), (50.0, 2.5)])
def test_skalak_patches_follow_the_law_for_any_dilation(dilation: float, stretch: float) -> None:
    params = {"law": "Skalak", "C": str(dilation), "l": str(stretch), "gamma": "0.5"}
    square = stretch**2
    expected_tension = square - 1 + dilation * square * (square**2 - 1)
    i1 = 0.5**2  # simple shear: l1^2 + l2^2 = 2 + gamma^2, area unchanged
    with jax.enable_x64(True):
        assert membrane.isotropic_tension(params, FULL).value == pytest.approx(expected_tension, rel=1e-11)
        assert membrane.shear_energy(params, FULL).value == pytest.approx(0.25 * (i1**2 + 2 * i1), rel=1e-11)


def test_the_pressure_of_an_inflated_capsule_converges_to_laplaces_law() -> None:
    params, tension = {"law": "NH", "l": "1.3"}, neo_hookean(1.3, 1.3)
    with jax.enable_x64(True):
        errors = [
            membrane.inflation_pressure({**params, "frequency": n}, FULL).value / (2.0 * tension / 1.3) - 1.0
            for n in ("4", "8")
        ]
    assert abs(errors[1]) < 0.01 and math.log2(errors[0] / errors[1]) == pytest.approx(2.0, abs=0.1)


def test_spheroids_of_any_axes_are_measured() -> None:
    with jax.enable_x64(True):
        # a scaled copy has the same energy, and axes may come in any order
        values = [
            membrane.bending_energy({"shape": "spheroid", "a:b:c": axes}, QUICK).value
            for axes in ("1:1:2", "2:1:1", "30:15:15")
        ]
    assert values == pytest.approx([1.2296] * 3, rel=5e-3)


def test_icospheres_of_any_frequency_are_measured() -> None:
    with jax.enable_x64(True):
        for n in (1, 3, 7):
            params = {"shape": "icosphere", "frequency": str(n)}
            assert membrane.RUNNERS["membrane_unit", "n_vertices"](params, FULL).value == 10 * n**2 + 2
        coarse, fine = (
            membrane.bending_energy({"shape": "icosphere", "frequency": n}, FULL).value - 1.0 for n in ("4", "8")
        )
    assert math.log2(coarse / fine) == pytest.approx(2.0, abs=0.1)


def test_single_precision_answers_to_its_own_digits() -> None:
    single = Settings(precision="float32")
    with jax.enable_x64(True):
        energy = membrane.isotropic_energy({"law": "NH", "l": "1.1"}, single).value
        force = membrane.rigid_motion_force({}, single).value
    assert energy == pytest.approx(0.05150672768, rel=1e-5)
    assert 1e-12 < force < 1e-5  # round-off of positions about ten radii from the origin


def test_cases_that_make_no_sense_say_why() -> None:
    for runner, params, message in (
        (membrane.isotropic_energy, {"law": "hooke", "l": "1"}, "law=hooke is not one of NH, Skalak"),
        (membrane.isotropic_energy, {"law": "NH"}, "needs l="),
        (membrane.bending_energy, {"shape": "cube"}, "shape=cube is not one of"),
    ):
        with pytest.raises(InputError, match=message):
            runner(params, QUICK)
