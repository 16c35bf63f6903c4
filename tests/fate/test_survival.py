"""Laws of the survival score: closed forms, the two anchors, and that rest does not kill."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.fate.survival import (
    Exposure,
    SurvivalModel,
    integrated_hazard,
    mean_power,
    relaxed,
    score_cell,
    stiffening,
    survival,
)

BINS = np.concatenate([[1e-3], np.geomspace(1e-2, 1e3, 41)])


def uniform(stress: float, seconds: float, samples: int = 11) -> Exposure:
    """A membrane under the same stress everywhere; the histogram's bin ends at that stress."""
    time = np.linspace(0, seconds, samples)
    histogram = np.zeros((samples, len(BINS)))
    bins = np.sort(np.append(BINS, stress))
    histogram[:, max(int(np.searchsorted(bins, stress)) - 1, 0)] = 1.0
    return _exposure(time, histogram, bins, np.full(samples, stress))


def _exposure(time: np.ndarray, histogram: np.ndarray, bins: np.ndarray, stress: np.ndarray) -> Exposure:
    one, none = np.ones_like(time), np.zeros_like(time)
    return Exposure(time, histogram, bins, stress, stress, one, none, none)


def narrow(stress: float, seconds: float) -> Exposure:
    """All of the membrane in one bin so narrow (1e-6) that the mean power is the stress to the power."""
    time = np.linspace(0, seconds, 11)
    bins = np.array([stress * (1 - 1e-6), stress])
    return _exposure(time, np.ones((11, 1)), bins, np.full(11, stress))


def test_constant_hazard_gives_the_exponential() -> None:
    model = SurvivalModel(base_rate=2e-3)
    score = score_cell(uniform(0.0, 700.0), model)
    assert score.hazard == pytest.approx(1.4, rel=1e-12)  # trapezoid of a constant is exact
    assert score.survival == pytest.approx(math.exp(-1.4), rel=1e-12)


@pytest.mark.parametrize("theta", [0.0, 0.3, 2.0])
def test_frailty_survival_and_its_inverse_agree(theta: float) -> None:
    for fraction in (0.9, 0.5, 0.01):
        assert survival(integrated_hazard(fraction, theta), theta) == pytest.approx(fraction, rel=1e-12)


def test_frailty_flattens_the_tail_but_not_the_start() -> None:
    early, late = 1e-3, 5.0
    assert survival(early, 1.0) == pytest.approx(survival(early, 0.0), abs=1e-6)  # second order in H
    assert survival(late, 1.0) > 10 * survival(late, 0.0)


def test_a_resting_cell_scores_no_acute_hazard() -> None:
    score = score_cell(uniform(0.0, 3600.0), SurvivalModel())
    assert score.terms["acute"] == 0.0
    assert score.terms["rupture"] == 0.0
    assert score.terms["chronic"] > 0.0


@pytest.mark.parametrize("theta", [0.0, 1.0])
def test_the_slow_anchor_is_met_for_every_frailty(theta: float) -> None:
    model = SurvivalModel(frailty=theta, base_rate=0.0)
    score = score_cell(narrow(6.0, 4 * 3600.0), model)
    assert score.survival == pytest.approx(0.1, rel=1e-4)  # the bin's width of 1e-6 times beta and H


def test_ten_needle_pulses_leave_the_anchored_fractions_at_the_ends_of_the_exponent() -> None:
    """634 Pa for 10 x 1.0 ms: the exponent interval stands for a survival between 0.9 and 0.2."""
    left = {b: survival(sum_hazard(b), 0.0) for b in (2.4, 3.0)}
    assert left[2.4] == pytest.approx(0.9, abs=0.03)  # the exponent is given with two digits
    assert left[3.0] == pytest.approx(0.2, abs=0.06)


def sum_hazard(exponent: float) -> float:
    model = SurvivalModel(exponent=exponent, base_rate=0.0)
    return score_cell(narrow(634.0, 0.01), model).hazard


def test_one_capillary_passage_is_nearly_harmless() -> None:
    score = score_cell(narrow(1.5, 60.0), SurvivalModel(base_rate=0.0, frailty_high=0.0))
    low, high = score.survival_interval
    assert 1e-4 < 1 - high < 1 - low < 4e-4  # 0.02 to 0.03 % for exponents 2.4 to 3.0


def test_the_interval_holds_the_value_and_opens_with_the_unknowns() -> None:
    score = score_cell(narrow(30.0, 5.0), SurvivalModel())
    low, high = score.survival_interval
    assert low < score.survival < high
    same = SurvivalModel(exponent_low=2.7, exponent_high=2.7, frailty_high=0.0)
    closed = score_cell(narrow(30.0, 5.0), same).survival_interval
    assert closed[0] == pytest.approx(closed[1], rel=1e-12)


def test_twice_the_exposure_is_twice_the_hazard_and_less_survival() -> None:
    one, two = (score_cell(narrow(50.0, s), SurvivalModel()) for s in (1.0, 2.0))
    assert two.hazard == pytest.approx(2 * one.hazard, rel=1e-9)
    assert two.survival < one.survival


def test_mean_power_of_a_spread_histogram_equals_quadrature() -> None:
    """Half the membrane log-uniform in 1..10 Pa, half at 10..100 Pa."""
    bins = np.array([1.0, 10.0, 100.0])
    x = _exposure(np.array([0.0]), np.array([[0.5, 0.5]]), bins, np.array([100.0]))
    fine = np.exp(np.linspace(0, math.log(100), 200001))
    expected = np.trapezoid((fine / 6.0) ** 2.7, np.log(fine)) / math.log(100)
    assert mean_power(x, 6.0, 2.7)[0] == pytest.approx(expected, rel=1e-6)  # quadrature error of 2e5 points


def test_stress_beyond_the_last_bin_is_not_lost() -> None:
    inside, beyond = (
        mean_power(_exposure(np.array([0.0]), np.ones((1, 1)), np.array([1.0, 10.0]), np.array([s])), 6.0, 2.7)[0]
        for s in (10.0, 50.0)
    )
    assert beyond > 5 * inside


def test_rupture_acts_only_beyond_the_membrane_reserve() -> None:
    time, none = np.linspace(0, 1, 5), np.zeros(5)
    for ratio, torn in ((2.2, False), (2.35, True)):
        x = Exposure(time, np.zeros((5, 1)), np.array([1.0, 2.0]), none, none, np.full(5, ratio), none, none)
        assert (score_cell(x, SurvivalModel()).terms["rupture"] > 0) is torn


def test_adaptation_relaxes_to_its_closed_form() -> None:
    time = np.linspace(0, 900, 7)
    on, tau = 0.01, 3600.0
    total = on + 1 / tau
    expected = on / total * (1 - np.exp(-total * time))
    np.testing.assert_allclose(relaxed(time, np.full(7, on), tau), expected, rtol=1e-12)


def test_adaptation_spares_an_adapted_cell() -> None:
    plain = score_cell(narrow(50.0, 600.0), SurvivalModel(base_rate=0.0))
    adapted = score_cell(narrow(50.0, 600.0), SurvivalModel(base_rate=0.0, adaptation=0.5))
    assert 0.4 * plain.hazard < adapted.hazard < 0.8 * plain.hazard


def test_stiffening_passes_through_both_measured_points() -> None:
    low, high = stiffening(np.array([51.0, 640.0]))
    assert low == pytest.approx(0.47)
    assert high == pytest.approx(0.77, abs=0.005)  # published with two digits


def test_killer_cells_raise_the_hazard_and_platelets_take_it_back() -> None:
    x = uniform(0.0, 3600.0)
    coated = Exposure(**{**vars(x), "platelets": np.ones(11)})
    bare = SurvivalModel(immune_cells=1.0, platelet_shield_immune=1.0)
    assert score_cell(x, bare).terms["immune"] == pytest.approx(0.125, rel=0.01)  # 0.25 per hour, half of them kill
    assert score_cell(coated, bare).terms["immune"] == 0.0


def test_a_misspelt_or_impossible_parameter_is_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"fate\.survival\.exponnent.*exponent"):
        SurvivalModel.from_dict({"exponnent": 2.0})
    with pytest.raises(InputError, match="outside 0 to 1"):
        SurvivalModel.from_dict({"platelet_shield": 1.5})
    assert SurvivalModel.from_dict({"anchor_time": "4 h", "reference_traction": "60 dyn/cm^2"}) == SurvivalModel()


def test_the_hazard_is_additive_in_time() -> None:
    """Two halves of a history in which the stress rises add up to the whole, whatever the exponent."""
    time = np.linspace(0, 10, 21)
    stress = np.linspace(1, 60, 21)
    bins = np.geomspace(0.5, 100, 60)
    histogram = np.zeros((21, 59))
    histogram[np.arange(21), np.searchsorted(bins, stress) - 1] = 1.0
    whole = _exposure(time, histogram, bins, stress)
    parts = [_exposure(time[s], histogram[s], bins, stress[s]) for s in (slice(0, 12), slice(11, 21))]
    for exponent in (2.4, 3.0):
        model = SurvivalModel(exponent=exponent)
        total = score_cell(whole, model).hazard
        assert sum(score_cell(p, model).hazard for p in parts) == pytest.approx(total, rel=1e-12)


def test_without_traction_only_the_base_rate_acts() -> None:
    model = SurvivalModel()
    score = score_cell(uniform(0.0, 1000.0), model)
    assert score.hazard == pytest.approx(1000.0 * model.base_rate, rel=1e-12)
    assert score.hazard_interval == pytest.approx((score.hazard, score.hazard), rel=1e-12)
