"""The blood viscosity laws of Pries and colleagues, as published."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.pries import in_vitro_viscosity, in_vivo_viscosity


def test_plasma_in_a_glass_tube_is_as_thick_as_plasma():
    diameters = np.linspace(3, 1000, 50) * 1e-6
    assert in_vitro_viscosity(diameters, 0.0) == pytest.approx(np.ones(50), abs=1e-12)


def test_plasma_in_a_living_vessel_feels_only_the_wall_layer():
    # The 1994 law at hematocrit 0 leaves (D / (D - 1.1 um))^2, which goes to 1 in wide vessels.
    assert in_vivo_viscosity(10e-6, 0.0) == pytest.approx((10 / 8.9) ** 2, rel=1e-12)
    assert in_vivo_viscosity(1e-3, 0.0) == pytest.approx(1, abs=3e-3)


@pytest.mark.parametrize(
    ("diameter", "hematocrit", "expected"), [(8, 0.45, 1.266921744), (20, 0.45, 1.587642482), (40, 0.3, 1.493872999)]
)
def test_glass_tube_values_of_the_reference_table(diameter, hematocrit, expected):
    # Table blood_rheology, case O-C14, ten digits.
    assert in_vitro_viscosity(diameter * 1e-6, hematocrit) == pytest.approx(expected, rel=1e-9)


def test_at_the_reference_hematocrit_the_living_vessel_has_its_published_viscosity():
    # At 0.45 the hematocrit factor is one, and the law is (1 + (mu45 - 1) s) s; by hand for 10 um:
    # mu45 = 6 exp(-0.85) + 3.2 - 2.44 exp(-0.06 x 4.415704) = 2.564490 + 3.2 - 1.872091 = 3.892399, s = 1.262467.
    assert in_vivo_viscosity(10e-6, 0.45) == pytest.approx((1 + 2.892399 * 1.262467) * 1.262467, rel=1e-6)


@pytest.mark.parametrize("law", [in_vitro_viscosity, in_vivo_viscosity])
@pytest.mark.parametrize("diameter", [4, 8.6, 8.9, 9.2, 20, 100])
def test_more_red_cells_make_thicker_blood(law, diameter):
    values = law(diameter * 1e-6, np.linspace(0, 0.7, 71))
    assert np.all(np.diff(values) > 0)
    # The exponent passes zero near 9 um: the law has no jump there.
    assert np.abs(np.diff(values, 2)).max() < 0.1 * values.max()


def test_blood_is_thickest_in_the_narrowest_living_vessels():
    values = in_vivo_viscosity(np.array([4, 6, 10, 20]) * 1e-6, 0.45)
    assert np.all(np.diff(values) < 0)


def test_diameters_and_hematocrits_outside_of_the_law_are_refused():
    with pytest.raises(InputError, match="diameter"):
        in_vivo_viscosity(1.1e-6, 0.4)
    with pytest.raises(InputError, match="hematocrit"):
        in_vivo_viscosity(10e-6, 45.0)
