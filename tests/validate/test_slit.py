"""HL60 cells through a slit: two device constants and one of the cell predict all other sizes and treatments."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from hemoflow import resources
from hemoflow.cells.catalogue import CATALOGUE
from hemoflow.errors import InputError
from hemoflow.validate.liquid_drop import pipette_entry, recovery_ratio
from hemoflow.validate.record import Settings
from hemoflow.validate.run import validate
from hemoflow.validate.slit import MIDDLE, MIDDLE_RANGE, POOLED, SAMPLES, SMALL
from hemoflow.validate.slit_picture import draw
from hemoflow.validate.slit_study import limits_of, passage_time, predicted, study, treatment_factor

TABLE = next(path for path in resources.reference_tables() if path.stem == "passage")


def test_every_row_that_nothing_was_fitted_to_is_predicted() -> None:
    results = validate(table=TABLE)
    judged = [row for row in results if row["status"] != "info"]
    assert len(judged) >= 90 and all(row["passed"] for row in judged)
    large = [row for row in judged if row["params"] == "cells=control_pooled;diameters=14-15;quantile=0.5"]
    assert len(large) == 1 and large[0]["error"] < 0.06


def test_the_fit_meets_what_it_was_fitted_to() -> None:
    found = study()
    assert found.passage(SMALL[0].diameter) == pytest.approx(SMALL[0].median)
    assert found.passage(MIDDLE.diameter) == pytest.approx(MIDDLE.median, rel=1e-6)
    lower, upper = found.quantiles(POOLED, MIDDLE_RANGE, np.array([0.25, 0.75]), 1.0)
    assert (upper - found.free) / (lower - found.free) == pytest.approx(10.7 / 5.4, rel=1e-3)


def test_the_catalogue_has_the_viscosity_that_was_fitted() -> None:
    hl60, liquid = CATALOGUE["hl60"], study().cell(MIDDLE.diameter).cytoplasm
    assert hl60.value("cytoplasm_viscosity") == pytest.approx(liquid.viscosity, rel=0.01)
    assert hl60.value("resting_viscosity") == pytest.approx(liquid.resting, rel=0.01)


def test_only_viscosity_over_pressure_can_be_told_from_these_data() -> None:
    from dataclasses import replace

    found = study()
    twice = replace(found, pressure=2.0 * found.pressure, factor=2.0 * found.factor)
    for diameter in (11.7e-6, 14.4e-6):
        assert twice.passage(diameter) == pytest.approx(found.passage(diameter), rel=0.01)


def test_a_newtonian_cytoplasm_cannot_show_the_measured_rise_with_size() -> None:
    from hemoflow.cells.cytoplasm import newtonian
    from hemoflow.cells.passage import LiquidDrop, entry_time
    from hemoflow.validate.slit import SLIT

    found = study()
    one, other = (entry_time(LiquidDrop(0.5 * d, 0.0, newtonian(1.0)), SLIT, 1.0) for d in (12.52e-6, 14.43e-6))
    rise = (0.06015 - found.free) / (MIDDLE.median - found.free)
    assert other / one < 0.6 * rise


def test_the_entry_time_scales_with_the_viscosity_as_the_distributions_assume() -> None:
    from dataclasses import replace

    found = study()
    entries = [replace(found, factor=f * found.factor).passage(13e-6) - found.free for f in (0.7, 1.4)]
    assert entries[1] / entries[0] == pytest.approx(2.0 ** (1.0 / 0.48), rel=2e-3)


def test_a_sample_has_as_many_cells_of_12_to_14_um_as_were_counted() -> None:
    for sample in SAMPLES.values():
        sizes = sample.diameters(5e-6, 30e-6, 20001)
        assert np.median(sizes) == pytest.approx(sample.diameter, rel=1e-3)
        assert np.mean((sizes > 12e-6) & (sizes < 14e-6)) == pytest.approx(sample.in_band / sample.cells, abs=2e-3)


def test_dissolved_actin_thins_the_cell_and_lost_water_thickens_it() -> None:
    dose = [treatment_factor(f"LatB_{c}ug_per_mL") for c in ("0.005", "0.01", "0.025")]
    assert treatment_factor("control_0LatB") > dose[0] > dose[1] > dose[2]
    assert treatment_factor("osm_400mOsm") > 1.3 * treatment_factor("control_300mOsm")
    assert predicted("LatB_0.01ug_per_mL", (12e-6, 14e-6), [0.5])[0] == pytest.approx(24.8e-3)


def test_other_sizes_quantiles_and_wrong_words_are_understood_or_refused() -> None:
    grows = [passage_time({"diameters": text}, Settings()).value for text in ("11-12", "13-14", "15-16")]
    assert grows == sorted(grows)
    assert passage_time({"diameter": "12.52"}, Settings()).value == pytest.approx(24.7, rel=1e-5)
    wrong = {
        "there is control_pooled": {"cells": "HeLa"},
        "range in um": {"diameters": "14-12"},
        "numbers": {"quantile": "x"},
    }
    for said, params in wrong.items():
        with pytest.raises(InputError, match=said):
            passage_time(params, Settings())
    assert limits_of("12-14") == pytest.approx((12e-6, 14e-6))


def test_a_pipette_and_a_release_are_followed_with_the_same_model() -> None:
    row = {"R": "4e-06", "Rp": "2e-06", "dP": "500", "T": "3.5e-05", "mu": "105"}
    assert pipette_entry(row, Settings()).value == pytest.approx(4.06, rel=0.05)
    assert recovery_ratio({"cell": "neutrophil"}, Settings()).value == pytest.approx(1.7e-7, rel=0.1)
    with pytest.raises(InputError, match="never enters"):
        pipette_entry({**row, "dP": "10"}, Settings())
    with pytest.raises(InputError, match="R > Rp"):
        pipette_entry({**row, "Rp": "5e-6"}, Settings())


def test_the_picture_shows_the_table_and_refuses_other_endings(tmp_path: Path) -> None:
    assert draw(tmp_path / "passage.png").stat().st_size > 20_000
    with pytest.raises(InputError, match="ends in"):
        draw(tmp_path / "passage.txt")
    assert math.isfinite(study().spread)
