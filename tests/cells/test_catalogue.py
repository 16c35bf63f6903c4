"""Every number of the catalogue says where it comes from, and incomplete or impossible cells are refused."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest

from hemoflow.cells import bending, elasticity
from hemoflow.cells.catalogue import CATALOGUE
from hemoflow.cells.celltype import CHOICES, Parameter
from hemoflow.cells.table import catalogue_table, shown
from hemoflow.errors import InputError

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "cells.md"
TUMOR = (
    "ctc-breast",
    "ctc-prostate",
    "ctc-colorectal",
    "ctc-bladder",
    "mcf-7",
    "mda-mb-231",
    "pc-3",
    "lncap",
    "du-145",
)

# (low, middle, high) in SI and a word of the source, as collected from the literature
TENSION = (1e-4, 2e-4, 1e-3, "Fischer-Friedrich")
NUCLEUS, NUCLEUS_STIFFNESS = (0.6, 0.7, 0.85, "Lammerding"), (2.0, 5.0, 10.0, "Lammerding")
DIAMETERS = {
    "ctc-breast": (10e-6, 12.4e-6, 15e-6, "Mendelaar"),
    "ctc-prostate": (None, 10.3e-6, None, "Mendelaar"),
    "ctc-colorectal": (None, 7.5e-6, None, "Mendelaar"),
    "ctc-bladder": (None, 8.6e-6, None, "Mendelaar"),
    "mcf-7": (15e-6, 17e-6, 20e-6, "cell-counter"),
    "mda-mb-231": (13e-6, 16e-6, 18e-6, "cell-counter"),
    "pc-3": (16e-6, 18e-6, 21e-6, "cell-counter"),
    "lncap": (14e-6, 17e-6, 19e-6, "cell-counter"),
    "du-145": (14e-6, 17e-6, 20e-6, "cell-counter"),
    "hl60": (11.33e-6, 13.15e-6, 15.62e-6, "Urbanska"),
    "neutrophil": (8e-6, 8.4e-6, 9e-6, "haematology"),
}
YOUNG = {
    "mcf-7": (300.0, 500.0, 1000.0, "Li et al. 2008"),
    "mda-mb-231": (200.0, 450.0, 700.0, "reports"),
    "pc-3": (1239.0, 1401.0, 1563.0, "Faria"),
    "lncap": (235.0, 287.0, 339.0, "Faria"),
}
ASSUMED = {
    "shear_modulus", "area_dilation", "bending_modulus", "spontaneous_curvature", "area_modulus", "lysis_tension",
    "cytoplasm_viscosity", "resting_viscosity",
}  # fmt: skip
"""What nobody has measured on a tumor cell: the catalogue must admit it."""


def agrees(parameter: Parameter, measured: tuple[float | None, float, float | None, str]) -> bool:
    low, middle, high, source = measured
    return (parameter.low, parameter.value, parameter.high) == (low, middle, high) and source in parameter.source


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_parameter_has_a_source_or_a_note(name: str) -> None:
    for field, parameter in CATALOGUE[name].parameters().items():
        bare = not parameter.source and not parameter.note
        assert not bare or parameter.confidence == "required", f"{name}: {field}"
        assert parameter.unit, f"{name}: {field}"
        if parameter.confidence in ("verified", "recalled"):
            assert parameter.source and parameter.value is not None, f"{name}: {field}"
        assert not parameter.outside_range, f"{name}: {field}"


@pytest.mark.parametrize("name", sorted(DIAMETERS))
def test_sizes_are_the_measured_ones(name: str) -> None:
    assert agrees(CATALOGUE[name].diameter, DIAMETERS[name])


@pytest.mark.parametrize("name", TUMOR)
def test_every_mechanical_value_of_a_tumor_cell_is_measured_or_marked_as_assumed(name: str) -> None:
    cell = CATALOGUE[name]
    assert agrees(cell.cortical_tension, TENSION)
    assert agrees(cell.nucleus_diameter_ratio, NUCLEUS)
    assert agrees(cell.nucleus_stiffness_ratio, NUCLEUS_STIFFNESS)
    assert agrees(cell.viscosity_thinning, (None, 0.52, None, "Tsai"))
    assert agrees(cell.cytoplasm_viscosity, (50.0, 130.0, 500.0, "Tsai"))
    assert agrees(cell.resting_viscosity, (60.0, 150.0, 500.0, "Tran-Son-Tay"))
    assert agrees(cell.bending_modulus, (1.15e-19, 3.3e-18, 3.3e-18, "hemocell_CTC_adhesion"))
    assert agrees(cell.lysis_tension, (0.005, 0.01, 0.012, "Waugh"))
    assert name not in YOUNG or agrees(cell.youngs_modulus, YOUNG[name])
    assert all(cell.parameters()[field].confidence == "assumed" and cell.parameters()[field].note for field in ASSUMED)
    seen = {field for field, p in cell.parameters().items() if p.confidence in ("verified", "recalled")}
    assert seen <= {
        "diameter", "cortical_tension", "viscosity_thinning", "nucleus_diameter_ratio", "nucleus_stiffness_ratio",
        "youngs_modulus",
    }  # fmt: skip


def test_leukocytes_are_an_order_softer_than_tumor_cells() -> None:
    cell = CATALOGUE["neutrophil"]
    assert agrees(cell.cortical_tension, (2.4e-5, 2.7e-5, 3.5e-5, "Tsai"))
    assert agrees(cell.nucleus_diameter_ratio, (0.5, 0.6, 0.65, "haematology"))
    assert cell.membrane_viscosity.value == 0.1 and "Drury" in cell.membrane_viscosity.source
    assert cell.value("cortical_tension") < 0.2 * CATALOGUE["ctc-breast"].value("cortical_tension")
    assert CATALOGUE["hl60"].cortical_tension.confidence == "assumed"
    assert (
        CATALOGUE["hl60"].cytoplasm_viscosity.confidence == "fitted"
        and "slit" in CATALOGUE["hl60"].cytoplasm_viscosity.note
    )


def test_what_the_notes_claim_about_the_assumed_moduli_is_true() -> None:
    for name in DIAMETERS:
        cell = CATALOGUE[name]
        tension, radius = cell.value("cortical_tension"), 0.5 * cell.value("diameter")
        assert cell.value("shear_modulus") == 0.0 and "carries its tension alone" in cell.shear_modulus.note
        assert cell.value("bending_modulus") < 0.01 * tension * radius**2


def test_a_tumor_cell_is_ready_to_build_and_overridden_values_are_the_users() -> None:
    plain = CATALOGUE["ctc-breast"].with_values({})
    assert plain.value("volume_modulus") == pytest.approx(5.0 * 2.0 * 2e-4 / 6.2e-6)
    mine = CATALOGUE["ctc-breast"].with_values({"diameter": 20e-6, "cortical_tension": 2e-3, "law": "skalak"})
    assert (mine.diameter.value, mine.diameter.confidence, mine.law) == (20e-6, "given", "skalak")
    assert mine.diameter.outside_range and mine.cortical_tension.outside_range
    assert mine.value("volume_modulus") == pytest.approx(5.0 * 2.0 * 2e-3 / 10e-6)
    assert CATALOGUE["ctc-breast"].diameter.value == 12.4e-6
    chosen = CATALOGUE["ctc-breast"].with_values({"volume_modulus": 10.0})
    assert chosen.volume_modulus.value == 10.0 and chosen.volume_modulus.confidence == "given"


def test_required_values_are_asked_for_together() -> None:
    with pytest.raises(InputError, match=r"'capsule' needs diameter \(m\), shear_modulus \(N/m\)"):
        CATALOGUE["capsule"].with_values({})
    with pytest.raises(InputError, match=r"'drop' needs cortical_tension \(N/m\)"):
        CATALOGUE["drop"].with_values({"diameter": 1e-5})
    assert CATALOGUE["drop"].with_values({"diameter": 1e-5, "cortical_tension": 1e-3}).law == "none"


def test_unknown_names_and_impossible_values_are_refused_together() -> None:
    overrides = {
        "tension": 1.0, "law": "hooke", "shape": "cube", "diameter": 0.0, "shear_modulus": -1.0,
        "bending_modulus": math.nan, "vertices": 3, "cortical_tension": "soft", "viscosity_thinning": 1.0, "resting_viscosity": 0.0,
    }  # fmt: skip
    with pytest.raises(InputError) as caught:
        CATALOGUE["ctc-breast"].with_values(overrides)
    for part in (
        "has no tension", "did you mean", "or cortical_tension?", "law 'hooke'", "shape 'cube'", "diameter 0 m",
        "shear_modulus -1 N/m", "bending_modulus nan", "vertices 3", "'soft' must be a finite number in N/m",
        "viscosity_thinning 1 must be", "resting_viscosity 0 Pa s",
    ):  # fmt: skip
        assert part in str(caught.value)
    assert CATALOGUE["ctc-breast"].with_values({"spontaneous_curvature": -1e5}).value("spontaneous_curvature") < 0.0


def test_a_value_that_was_never_found_is_not_handed_out() -> None:
    with pytest.raises(InputError, match=r"membrane_viscosity has no value \(unknown\)"):
        CATALOGUE["ctc-breast"].value("membrane_viscosity")


def test_choices_of_a_cell_type_are_those_of_the_membrane() -> None:
    assert CHOICES["law"] == elasticity.LAWS and CHOICES["bending"] == bending.MODELS
    for cell in CATALOGUE.values():
        assert all(getattr(cell, field) in choices for field, choices in CHOICES.items())


def test_a_confidence_is_one_of_the_known_words() -> None:
    with pytest.raises(ValueError, match="'sure' is not one of verified"):
        Parameter(1.0, "m", confidence="sure")


def test_values_are_shown_in_usual_units() -> None:
    found = [shown(12.4e-6, "m"), shown(2e-4, "N/m"), shown(3.3e-18, "J"), shown(0.7, "1"), shown(None, "Pa")]
    assert found == ["12.4 um", "0.2 mN/m", "3.3 aJ", "0.7", "–"]


def test_the_documentation_holds_the_tables_of_the_catalogue() -> None:
    # when a value changes: python -c "from hemoflow.cells.table import catalogue_table; print(catalogue_table())"
    table = catalogue_table()
    assert table in DOCUMENT.read_text(encoding="utf-8")
    assert all(f"`{name}`" in table for name in CATALOGUE)
    assert all(f"`{f.name}`" in table for f in dataclasses.fields(CATALOGUE["drop"]) if f.type == "Parameter")


@pytest.mark.parametrize(
    "overrides, said",
    [
        ({"law": "none", "shear_modulus": 1e-5}, "law 'none' is a membrane without elasticity"),
        ({"law": "evans-skalak", "shear_modulus": 1e-5}, "give local_area_modulus or area_modulus"),
        ({"area_dilation": 3.0, "shear_modulus": 1e-5}, "but the law is 'neo-hookean'"),
        ({"local_area_modulus": 1e-4}, "vertices slide along the surface"),
        ({"area_reserve": 0.5}, "both are 0: give one of them"),
        ({"bending": "none", "bending_modulus": 1e-19}, "choose a model"),
        ({"bending": "hinge", "spontaneous_curvature": 1e5}, "belongs to bending 'helfrich'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused_in_one_sentence(overrides: dict, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        CATALOGUE["ctc-breast"].with_values(overrides)
    assert str(caught.value).count("; ") == 0


def test_a_membrane_with_folds_is_built_from_its_moduli() -> None:
    given = {"law": "evans-skalak", "shear_modulus": 1e-5, "local_area_modulus": 1e-3, "area_reserve": 0.6}
    cell = CATALOGUE["ctc-breast"].with_values(given)
    assert [cell.value(name) for name in ("local_area_modulus", "area_reserve")] == [1e-3, 0.6]
