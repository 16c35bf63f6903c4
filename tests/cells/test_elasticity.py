"""In-plane laws: measured on a patch pulled by its nodal forces, they have the moduli and curves of their authors."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import brentq

from hemoflow.cells.elasticity import energy_density, principal_stretches, principal_tensions, reference_shape
from hemoflow.cells.membrane import Membrane, build_membrane
from hemoflow.cells.surface import Surface, icosphere
from hemoflow.errors import InputError

SQUARE = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
FACES = np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32)
G = 1.7
LAWS = [
    ("neo-hookean", 0.0, 3.0),
    ("skalak", 0.0, 1.0),
    ("skalak", 1.0, 3.0),
    ("skalak", 10.0, 21.0),
    ("hookean", 0.0, 1.0),
    ("hookean", 3.0, 7.0),
]
"""Law, C, and area modulus over G: 3 for neo-Hookean, 1 + 2 C for Skalak's and the Hookean law."""
forces = jax.jit(lambda cell, x: cell.forces(x))
energy = jax.jit(lambda cell, x: cell.energy(x))
tensions = jax.jit(lambda cell, x: cell.tensions(x))


def patch(law: str, dilation: float) -> Membrane:
    return build_membrane(
        Surface(SQUARE, FACES), law, "none", "float64", False, shear_modulus=G, area_dilation=dilation
    )  # fmt: skip


def pulled(cell: Membrane, l1: float, l2: float) -> tuple[float, float]:
    """Force per deformed length on the two sides of the stretched patch."""
    force = np.asarray(forces(cell, jnp.asarray(SQUARE * [l1, l2, 1.0])))
    return -force[[1, 2], 0].sum() / l2, -force[[2, 3], 1].sum() / l1


@pytest.mark.parametrize(("law", "dilation", "area_modulus"), LAWS)
def test_small_strains_meet_the_shear_modulus_and_the_area_modulus(
    law: str, dilation: float, area_modulus: float
) -> None:
    cell, e = patch(law, dilation), 1e-5
    shear = [[1.0, e, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    # errors of the next order in the strain, 1e-5, times a factor of the law
    assert float(energy(cell, jnp.asarray(SQUARE @ shear))) == pytest.approx(0.5 * G * e**2, rel=1e-3)
    t1, t2 = pulled(cell, 1.0 + e, 1.0 - e)
    assert (t1 - t2) / (4.0 * e) == pytest.approx(G, rel=1e-3)
    t1, t2 = pulled(cell, 1.0 + e, 1.0 + e)
    assert 0.5 * (t1 + t2) / (2.0 * e) == pytest.approx(area_modulus * G, rel=1e-3)


@pytest.mark.parametrize(("law", "dilation", "area_modulus"), LAWS)
def test_uniaxial_pull_narrows_the_patch_by_poissons_ratio_of_a_surface(
    law: str, dilation: float, area_modulus: float
) -> None:
    cell, e = patch(law, dilation), 1e-4
    narrow = brentq(lambda l2: pulled(cell, 1.0 + e, l2)[1], 0.999, 1.001, xtol=1e-14)
    ratio = (area_modulus - 1.0) / (area_modulus + 1.0)
    young = 4.0 * area_modulus / (area_modulus + 1.0) * G
    assert (1.0 - narrow) / e == pytest.approx(ratio, abs=3e-3)
    assert pulled(cell, 1.0 + e, narrow)[0] / e == pytest.approx(young, rel=3e-3)


@pytest.mark.parametrize("stretches", [(1.3, 1.1), (0.8, 1.2), (2.0, 0.7), (0.9, 0.9)])
@pytest.mark.parametrize(("law", "dilation", "area_modulus"), LAWS)
def test_biaxial_tensions_follow_the_law_at_any_strain(
    law: str, dilation: float, area_modulus: float, stretches: tuple[float, float]
) -> None:
    l1, l2 = stretches
    i2 = (l1 * l2) ** 2 - 1.0
    if law == "skalak":
        expected = [G / (l1 * l2) * (a * a * (a * a - 1.0) + dilation * (i2 + 1.0) * i2) for a in stretches]
    elif law == "hookean":
        i1 = l1**2 + l2**2 - 2.0
        expected = [G / (l1 * l2) * a * a * ((1.0 + dilation) * i1 + 1.0 - (l1 * l2 / a) ** 2) for a in stretches]
    else:
        expected = [G / (l1 * l2) * (a * a - 1.0 / (l1 * l2) ** 2) for a in stretches]
    assert pulled(patch(law, dilation), l1, l2) == pytest.approx(expected, rel=1e-12, abs=1e-12)
    x = jnp.asarray(SQUARE * [l1, l2, 1.0])[None]
    large, small = tensions(patch(law, dilation), x)
    # principal values come from a square root, which turns round-off 1e-16 into 1e-8 where both are equal
    assert np.asarray(large[0]) == pytest.approx([max(expected)] * 2, abs=1e-7 * G)
    assert np.asarray(small[0]) == pytest.approx([min(expected)] * 2, abs=1e-7 * G)


def test_skalaks_law_hardens_and_the_neo_hookean_law_softens_under_pull() -> None:
    def stiffness(law: str, stretch: float) -> float:
        return pulled(patch(law, 1.0), stretch, stretch)[0] / (stretch**2 - 1.0)

    assert stiffness("skalak", 2.0) > stiffness("skalak", 1.2) > stiffness("skalak", 1.05)
    assert stiffness("neo-hookean", 2.0) < stiffness("neo-hookean", 1.2) < stiffness("neo-hookean", 1.05)


def test_a_neo_hookean_membrane_resists_collapse_without_bound() -> None:
    thin = [pulled(patch("neo-hookean", 0.0), 1.0, l2)[1] for l2 in (0.5, 0.2, 0.1)]
    assert thin[0] > thin[1] > thin[2] and thin[2] < -500.0 * G


def test_the_energy_has_the_form_with_two_moduli_used_for_red_cells() -> None:
    # W = kappa_S/12 (I1^2 + 2 I1 - 2 I2) + kappa_alpha/12 I2^2 with kappa_S = 3 G and kappa_alpha = 3 C G
    i1, i2, dilation = 0.31, 0.27, 40.0
    expected = 3 * G / 12 * (i1**2 + 2 * i1 - 2 * i2) + 3 * dilation * G / 12 * i2**2
    assert float(energy_density("skalak", jnp.asarray(i1), jnp.asarray(i2), G, dilation)) == pytest.approx(expected)  # type: ignore[arg-type]


def test_principal_stretches_are_recovered_from_the_invariants() -> None:
    l1, l2 = np.array([1.0, 1.5, 1.2, 3.0]), np.array([1.0, 0.7, 1.2, 0.1])
    found = principal_stretches(jnp.asarray(l1**2 + l2**2 - 2.0), jnp.asarray(l1**2 * l2**2 - 1.0))
    assert np.asarray(found[0]) == pytest.approx(l1, rel=1e-7) and np.asarray(found[1]) == pytest.approx(l2, rel=1e-7)


def test_tensions_of_one_triangle_do_not_depend_on_how_it_is_cut_or_numbered() -> None:
    shear = SQUARE @ np.array([[1.3, 0.4, 0.0], [0.0, 0.9, 0.0], [0.0, 0.0, 1.0]])
    found = []
    for faces in ([[0, 1, 2], [0, 2, 3]], [[1, 2, 3], [3, 0, 1]], [[2, 0, 1], [3, 0, 2]]):
        cell = build_membrane(
            Surface(SQUARE, np.array(faces, dtype=np.int32)), "skalak", "none", "float64", False,
            shear_modulus=G, area_dilation=1.0,
        )  # fmt: skip
        found.append(np.asarray(tensions(cell, jnp.asarray(shear)[None])))
    assert np.ptp(np.array(found), axis=0).max() < 1e-12 * G


def test_a_cell_grown_from_a_smaller_stress_free_shape_is_under_the_tension_of_that_stretch() -> None:
    sphere, stretch = icosphere(4), 1.1
    cell = build_membrane(
        sphere, "skalak", "none", "float64", shear_modulus=G, area_dilation=1.0, scale=1.0 / stretch
    )  # fmt: skip
    large, small = tensions(cell, jnp.asarray(sphere.vertices)[None])
    expected = G * (stretch**2 - 1.0) + G * stretch**2 * (stretch**4 - 1.0)
    assert np.asarray(large) == pytest.approx(expected, rel=1e-7)  # the square root of round-off
    assert np.asarray(small) == pytest.approx(expected, rel=1e-7)
    assert np.asarray(cell.areal_strain(jnp.asarray(sphere.vertices)[None])) == pytest.approx(stretch**2 - 1.0)


def test_a_reference_triangle_without_area_is_refused() -> None:
    with pytest.raises(InputError, match="face 1 has no area"):
        reference_shape(SQUARE * [1.0, 1.0, 0.0], [[0, 1, 2], [0, 1, 1]])


def test_a_law_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InputError, match="'hooke' is not one of skalak"):
        principal_tensions("hooke", jnp.ones(1), jnp.ones(1), jnp.ones(1), jnp.ones(1))


def folded(modulus: float, reserve: float, law: str = "evans-skalak") -> Membrane:
    return build_membrane(
        Surface(SQUARE, FACES), law, "none", "float64", False,
        shear_modulus=G, local_area_modulus=modulus, area_reserve=reserve,
    )  # fmt: skip


@pytest.mark.parametrize("stretch", [1.1, 1.7, 3.0])
def test_evans_and_skalaks_shear_resultant_at_constant_area_is_half_the_modulus_times_the_difference_of_squares(
    stretch: float,
) -> None:
    t1, t2 = pulled(folded(0.0, 0.0), stretch, 1.0 / stretch)
    assert 0.5 * (t1 - t2) == pytest.approx(0.5 * G * (stretch**2 - stretch**-2))
    assert t1 + t2 == pytest.approx(0.0, abs=1e-12)


def test_evans_and_skalaks_isotropic_tension_is_the_area_modulus_times_the_areal_strain() -> None:
    for ratio in (0.8, 1.02, 1.5):
        t1, t2 = pulled(folded(5.0, 0.0), ratio**0.5, ratio**0.5)
        assert (t1, t2) == pytest.approx((5.0 * (ratio - 1.0),) * 2)


def test_folds_unfold_without_tension_until_they_are_used_up() -> None:
    cell = folded(5.0, 0.4)
    for ratio, strain in ((1.0, 0.0), (1.2, 0.0), (1.39, 0.0), (1.5, 0.1), (2.0, 0.6), (0.9, -0.1)):
        assert pulled(cell, ratio**0.5, ratio**0.5)[0] == pytest.approx(5.0 * strain, abs=1e-12)
    whole = build_membrane(icosphere(3), "none", "none", "float64", area_modulus=2.0, area_reserve=0.4)
    for growth, strain in ((1.0, 0.0), (1.39, 0.0), (1.9, 0.5)):
        x = jnp.asarray(icosphere(3).vertices * growth**0.5)
        assert float(tensions(whole, x[None])[0][0, 0]) == pytest.approx(2.0 * strain, abs=1e-12)


def test_hookes_law_is_linear_in_the_green_strains() -> None:
    dilation = 2.0
    poisson = dilation / (1.0 + dilation)
    l1, l2 = 1.4, 0.9
    t1, t2 = pulled(patch("hookean", dilation), l1, l2)
    e1, e2 = 0.5 * (l1**2 - 1.0), 0.5 * (l2**2 - 1.0)
    factor = 2.0 * G / (1.0 - poisson)
    assert t1 == pytest.approx(factor * l1 / l2 * (e1 + poisson * e2))
    assert t2 == pytest.approx(factor * l2 / l1 * (e2 + poisson * e1))
