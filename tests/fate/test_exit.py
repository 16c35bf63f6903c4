"""Laws of the exit chain: closed forms, agreement with sampling, and the signs that published experiments fix."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hemoflow.fate.exit import (
    HOUR,
    Chain,
    Circumstances,
    ExitModel,
    absorption,
    build_chain,
    cumulative_incidence,
    start_rate,
    transition_matrix,
)
from hemoflow.fate.sampling import aalen_johansen, gillespie

DEATH = 1e-6
HERE = Circumstances(cells=4, speed=200e-6, death_rate=DEATH, release_rate=2e-7)


def chance(model: ExitModel, where: Circumstances, *causes: str) -> float:
    chain = build_chain(model, where)
    solved = absorption(chain)
    return float(sum(p for (c, _), p in zip(solved.outcomes, solved.probability, strict=True) if c in causes))


def test_probabilities_add_up_to_one() -> None:
    for cells in (1, 2, 7):
        solved = absorption(build_chain(ExitModel(), dataclasses.replace(HERE, cells=cells)))
        assert solved.probability.sum() == pytest.approx(1.0, abs=1e-10)
        assert (solved.probability >= 0).all()


def test_a_single_cell_without_delay_splits_by_the_ratio_of_its_rates() -> None:
    """With remodelling instantaneous (1 s against days) the chain is a race of exponentials."""
    model = ExitModel(remodelling_time=1.0)
    where = Circumstances(1, 200e-6, DEATH, 0.0)
    rates = np.array([start_rate(model, 200e-6), model.diapedesis_rate, DEATH])
    expected = rates / rates.sum()
    got = [chance(model, where, c) for c in ("angiopellosis", "diapedesis", "death")]
    np.testing.assert_allclose(got, expected, atol=DEATH)  # some die during the 1 s of remodelling
    assert absorption(build_chain(model, where)).overall_time == pytest.approx(1 / rates.sum(), rel=1e-4)


def test_remodelling_takes_the_erlang_mean_and_is_not_memoryless() -> None:
    model = ExitModel(remodelling_rate=1e3, diapedesis_rate=0.0)
    chain = build_chain(model, Circumstances(1, 1.0, 0.0, 0.0))
    assert absorption(chain).overall_time == pytest.approx(6 * HOUR, rel=1e-3)
    early = cumulative_incidence(chain, np.array([0.6 * HOUR]))[0].sum()
    assert early < 0.01 < 1 - np.exp(-0.1)  # an exponential with the same mean would already have 9.5 %


@pytest.mark.parametrize("cells", [1, 4])
def test_absorption_equals_sampling_within_monte_carlo_error(cells: int) -> None:
    chain = build_chain(ExitModel(), dataclasses.replace(HERE, cells=cells))
    solved = absorption(chain)
    n = 20000
    drawn = gillespie(chain, n, seed=11)
    for i, p in enumerate(solved.probability):
        hit = drawn.outcome == i
        assert abs(hit.mean() - p) < 4 * np.sqrt(p * (1 - p) / n) + 1e-9  # 4 standard errors
        if hit.sum() > 200:
            error = drawn.time[hit].std() / np.sqrt(hit.sum())
            assert abs(drawn.time[hit].mean() - solved.mean_time[i]) < 4 * error
    assert abs(drawn.time.mean() - solved.overall_time) < 4 * drawn.time.std() / np.sqrt(n)


def test_the_same_seed_draws_the_same_histories() -> None:
    chain = build_chain(ExitModel(), HERE)
    first, again, other = (gillespie(chain, 50, seed) for seed in (1, 1, 2))
    assert (first.time == again.time).all()
    assert (first.time != other.time).any()


def test_incidence_by_cause_follows_sampling_and_ends_at_the_absorption_probabilities() -> None:
    chain = build_chain(ExitModel(), HERE)
    drawn = gillespie(chain, 4000, seed=5)
    cut = 30 * HOUR
    cause = np.where(drawn.time <= cut, drawn.outcome, -1)
    moments, estimate = aalen_johansen(np.minimum(drawn.time, cut), cause, len(chain.outcomes))
    exact = cumulative_incidence(chain, moments[-1:])[0]
    assert np.abs(estimate[-1] - exact).max() < 4 * 0.5 / np.sqrt(4000)
    final = cumulative_incidence(chain, np.array([0.0, 1e8]))[-1]
    np.testing.assert_allclose(final, absorption(chain).probability, atol=1e-9)


def test_censored_histories_do_not_bias_the_incidence() -> None:
    """Exponential events censored at an independent exponential time: F(t) = 1 - exp(-t)."""
    generator = np.random.default_rng(4)
    event, censor = generator.exponential(size=3000), generator.exponential(size=3000)
    cause = np.where(event <= censor, 0, -1)
    moments, estimate = aalen_johansen(np.minimum(event, censor), cause, 1)
    at = np.searchsorted(moments, 1.0) - 1
    assert estimate[at, 0] == pytest.approx(1 - np.exp(-1), abs=0.05)  # 4 standard errors of 1100 at risk


def test_no_flow_lowers_remodelling_exits() -> None:
    still = dataclasses.replace(HERE, speed=0.0)
    assert chance(ExitModel(), still, "cluster") < 0.8 * chance(ExitModel(), HERE, "cluster")


def test_clusters_do_not_leave_whole_without_cadherin() -> None:
    assert chance(ExitModel(), HERE, "cluster") > 0.1
    for pi in (0.5, 1.0):
        assert chance(ExitModel(cadherin=0.0, intact_probability=pi), HERE, "cluster") == 0.0


def test_cadherin_holds_back_lone_cells() -> None:
    kept, lost = ExitModel(), ExitModel(cadherin=0.0)
    chains = [build_chain(m, HERE) for m in (kept, lost)]
    assert chains[0].emission[0] == pytest.approx(0.1 * chains[1].emission[0])


def test_blocked_proteases_slow_exit_where_there_is_a_basement_membrane_and_nowhere_else() -> None:
    def mean(membrane: float, block: float) -> float:
        return absorption(build_chain(ExitModel(basement_membrane=membrane, protease_block=block), HERE)).overall_time

    assert mean(0.0, 0.9) == mean(0.0, 0.0)
    assert mean(0.8, 0.9) > 1.05 * mean(0.8, 0.0)


def test_receptor_knock_outs_lower_exit() -> None:
    both = ExitModel(vcam=1.0, cxcr4=1.0)
    for knocked in (dataclasses.replace(both, vcam=0.0), dataclasses.replace(both, cxcr4=0.0)):
        assert chance(knocked, HERE, "cluster", "angiopellosis") < chance(both, HERE, "cluster", "angiopellosis")


def test_a_chain_with_no_way_out_stays() -> None:
    frozen = ExitModel(remodelling_rate=0.0, diapedesis_rate=0.0)
    chain = build_chain(frozen, Circumstances(1, 0.0, 0.0, 0.0))
    assert chain.outcomes == (("stays", 1),)
    assert absorption(chain).probability[0] == pytest.approx(1.0)
    walled = ExitModel(basement_membrane=1.0, protease_block=1.0)
    assert chance(walled, Circumstances(1, 2e-4, 0.0, 0.0), "stays") > 0.3


@pytest.mark.parametrize(
    ("organ", "low", "high"), [("bone", 0.57, 0.78), ("collagen", 0.15, 0.38), ("muscle", 0.06, 0.11)]
)
def test_one_multiplier_per_bed_gives_the_published_day_one_fraction(organ: str, low: float, high: float) -> None:
    """Bands of Bersini 2014 and Jeon 2015 for single cells at 24 h, at the flow at which the rates hold."""
    chain = build_chain(ExitModel(organ=organ), Circumstances(1, 200e-6, 8.6e-7, 0.0))
    out = cumulative_incidence(chain, np.array([24 * HOUR]))[0]
    left = sum(p for (c, _), p in zip(chain.outcomes, out, strict=True) if c in ("angiopellosis", "diapedesis"))
    assert low <= left <= high


def test_most_single_cells_have_left_a_liver_sinusoid_by_day_three() -> None:
    chain = build_chain(ExitModel(organ="liver"), Circumstances(1, 200e-6, 8.6e-7, 0.0))
    out = cumulative_incidence(chain, np.array([72 * HOUR]))[0]
    left = sum(p for (c, _), p in zip(chain.outcomes, out, strict=True) if c in ("angiopellosis", "diapedesis"))
    assert 0.7 <= left <= 0.9


def test_generator_rows_conserve_probability() -> None:
    chain: Chain = build_chain(ExitModel(), HERE)
    np.testing.assert_allclose(chain.inner.sum(axis=1) + chain.outer.sum(axis=1), 0.0, atol=1e-18)


@pytest.mark.parametrize("seconds", [0.0, 1.0, 1e5, 1e8])
def test_the_transition_matrix_keeps_probability_and_composes(seconds: float) -> None:
    """Rates from 1e-7 to 1e-4 per second; P(t) P(t) = P(2t), rows sum to one, nothing is negative."""
    chain = build_chain(ExitModel(), HERE)
    size, ends = chain.outer.shape
    generator = np.zeros((size + ends,) * 2)
    generator[:size, :size], generator[:size, size:] = chain.inner, chain.outer
    p, double = transition_matrix(generator, seconds), transition_matrix(generator, 2 * seconds)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, atol=1e-9)
    assert (p >= 0).all()
    np.testing.assert_allclose(p @ p, double, atol=1e-9)


def test_the_transition_matrix_of_two_states_is_the_exponential() -> None:
    a, b, t = 2.0, 0.5, 0.7
    p = transition_matrix(np.array([[-a, a], [b, -b]]), t)
    assert p[0, 1] == pytest.approx(a / (a + b) * (1 - np.exp(-(a + b) * t)), rel=1e-12)
