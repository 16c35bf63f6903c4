"""Leaving the vessel in hours: a continuous-time Markov chain over the fate of an arrested object of n cells.

    A_n -> R_n^1 -> ... -> R_n^k   the endothelium remodels around the object (angiopellosis), k Erlang phases
    R_n^k -> out as a cluster of n with probability pi_intact, else one cell leaves and n - 1 stay
    A_n -> one cell leaves by diapedesis, A_(n-1) stays;  A_n -> F back into the flow;  any cell dies: n -> n - 1

Probabilities are conditional on arrest and analytic: B = -Q_TT^-1 Q_TA. No number for pi_intact has been published, so
results are shown over its whole range 0 to 1. Time scales are priors (hours), not a fit: quote no single digit of them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.fate.parameters import Bounds, build, choice, parameter

Array = NDArray[np.float64]

ALLEN17 = "Allen 2017 Stem Cells 35:170 doi:10.1002/stem.2451"
ALLEN19 = "Allen 2019 J Cell Sci 132:jcs231563 doi:10.1242/jcs.231563"
FOLLAIN = "Follain 2018 Dev Cell 45:33; Follain 2021 doi:10.1038/s41598-021-92515-2"
JEON = "Jeon 2015 PNAS doi:10.1073/pnas.1417115112"
BERSINI = "Bersini 2014 Biomaterials doi:10.1016/j.biomaterials.2013.11.050"
LUZZI = "Luzzi 1998 Am J Pathol, PMID 9736035"
REFERENCES = (ALLEN17, ALLEN19, FOLLAIN, BERSINI, JEON, LUZZI)
ORGANS = {"liver": 1.0, "bone": 3.0, "collagen": 0.6, "muscle": 0.18}
HOUR = 3600.0
_SERIES_TERMS = 24  # of exp(x) with x at most 1: the rest is below 1e-23
_UNIT_INTERVAL = Bounds(0.0, 1.0)
State = tuple[str, int, int]
"""(kind, n cells, phase): ('A', n, 0) arrested, ('R', n, j) remodelling."""
Outcome = tuple[str, int]
"""(cause, cells): ('cluster', m), ('angiopellosis', 1), ('diapedesis', 1), ('flow', m), ('death', 1), ('stays', m)."""


@dataclasses.dataclass(frozen=True)
class ExitModel:
    """Rates of the chain (SI, per second) and the switches a user may set."""

    organ: str = choice(
        "liver", tuple(ORGANS), "bed whose one multiplier scales both exits", f"{BERSINI}; {JEON}", "derived"
    )
    remodelling_rate: float = parameter(6.1e-6, "1/s", "l0: start of remodelling, 0.022 per hour", LUZZI, "derived")
    remodelling_rate_low: float = parameter(1.0e-6, "1/s", "0.0036 per hour (muscle-like gel)", JEON, "recalled")
    remodelling_rate_high: float = parameter(1.72e-5, "1/s", "0.062 per hour (bone-like gel)", BERSINI, "verified")
    remodelling_time: float = parameter(
        6 * HOUR,
        "s",
        "T_1: mean time to envelop one cell; only 'hours' is published, 6 h is the middle of the prior",
        ALLEN17,
        "recalled",
        bounds=Bounds(1.0),
    )
    remodelling_time_low: float = parameter(
        2 * HOUR, "s", "5 % of the prior of T_1", FOLLAIN, "recalled", bounds=Bounds(1.0)
    )
    remodelling_time_high: float = parameter(
        20 * HOUR, "s", "95 % of the prior of T_1", FOLLAIN, "recalled", bounds=Bounds(1.0)
    )
    size_slowing: float = parameter(1.0, "1", "c_n: T_R(n) = T_1 (1 + c_n (n^(1/3) - 1))")
    phases: int = parameter(3, "1", "Erlang phases of the remodelling (not memoryless)", bounds=Bounds(1, 20))
    intact_probability: float = parameter(
        2 / 3,
        "1",
        "pi_intact with E-cadherin on: mean of the prior Beta(2,1); unknown, shown over 0 to 1",
        bounds=_UNIT_INTERVAL,
    )
    cadherin: float = parameter(1.0, "1", "E-cadherin function, 1 normal, 0 off", bounds=_UNIT_INTERVAL)
    diapedesis_rate: float = parameter(
        1.83e-6, "1/s", "l_s per exposed cell, 0.0066 per hour (plain collagen)", JEON, "recalled"
    )
    cadherin_hold: float = parameter(
        0.9, "1", "part of diapedesis that E-cadherin contacts prevent", bounds=_UNIT_INTERVAL
    )
    flow_half_speed: float = parameter(
        200e-6, "m/s", "flow at which l0 holds, and at which flow has half its effect", bounds=Bounds(1e-12)
    )
    flow_floor: float = parameter(
        0.2,
        "1",
        "start rate without flow over that at the half speed",
        f"{FOLLAIN} (sign only)",
        "assumed",
        bounds=_UNIT_INTERVAL,
    )
    vcam: float = parameter(0.0, "1", "VCAM-1 coverage", bounds=_UNIT_INTERVAL)
    vcam_gain: float = parameter(1.0, "1", "a_V: rise of the rate at full coverage")
    cxcr4: float = parameter(0.0, "1", "CXCR4 occupancy", bounds=_UNIT_INTERVAL)
    cxcr4_gain: float = parameter(1.0, "1", "a_X: rise of the rate at full occupancy")
    vegf_factor: float = parameter(
        1.0,
        "1",
        "factor of VEGF on the start rate; 1 because published signs disagree",
        f"{FOLLAIN}; Kanada 2014 doi:10.7717/peerj.688",
        "verified",
    )
    contact_fraction: float = parameter(1.0, "1", "phi: part of the object touching endothelium", bounds=_UNIT_INTERVAL)
    basement_membrane: float = parameter(0.0, "1", "b_BM: 0 in sinusoids, towards 1 elsewhere", bounds=_UNIT_INTERVAL)
    protease_block: float = parameter(0.0, "1", "part of MMP activity blocked", bounds=_UNIT_INTERVAL)
    dislodge_rate: float = parameter(0.0, "1/s", "return to the flow, added to the run's bond rate")

    @classmethod
    def from_dict(cls, section: Mapping[str, Any] | None) -> ExitModel:
        """From the [fate.exit] table of a case; missing keys take the defaults."""
        return build(cls, section, "fate.exit")


@dataclasses.dataclass(frozen=True)
class Circumstances:
    """What this object meets where it rests: cells, flow speed (m/s), death rate per cell and release rate (1/s)."""

    cells: int = 1
    speed: float = 0.0
    death_rate: float = 0.0
    release_rate: float = 0.0


@dataclasses.dataclass(frozen=True)
class Chain:
    """Generator split as Q_TT (T,T) and Q_TA (T,O), in 1/s, with the names of transient states and outcomes.

    ``emission`` (T,) is the rate at which a state sheds a lone cell into the tissue without ending the object.
    """

    states: tuple[State, ...]
    outcomes: tuple[Outcome, ...]
    inner: Array
    outer: Array
    emission: Array


def flow_factor(speed: float, model: ExitModel) -> float:
    """g(u): ``flow_floor`` without flow, 1 at the speed at which the rates hold, 2 - ``flow_floor`` at most."""
    return model.flow_floor + 2 * (1 - model.flow_floor) * speed / (speed + model.flow_half_speed)


def intact_probability(model: ExitModel) -> float:
    """pi = 1 - exp(-W_cc/W_ext) with the cohesion W_cc proportional to E-cadherin: zero when it is off."""
    if model.cadherin == 0:
        return 0.0
    return 1.0 - (1.0 - model.intact_probability) ** model.cadherin


def start_rate(model: ExitModel, speed: float) -> float:
    """lambda_AR (1/s): how often remodelling begins around an arrested object."""
    receptors = (1 + model.vcam_gain * model.vcam) * (1 + model.cxcr4_gain * model.cxcr4)
    return (
        model.remodelling_rate
        * ORGANS[model.organ]
        * receptors
        * flow_factor(speed, model)
        * model.vegf_factor
        * model.contact_fraction
    )


def phase_rate(model: ExitModel, cells: int) -> float:
    """k/T_R(n) (1/s), slowed where a basement membrane meets blocked proteases."""
    duration = model.remodelling_time * (1 + model.size_slowing * (cells ** (1 / 3) - 1))
    return model.phases / duration * (1 - model.basement_membrane * model.protease_block)


def lone_rate(model: ExitModel, cells: int) -> float:
    """Diapedesis of any one exposed cell of an object of n cells (1/s); single cells have no neighbour to hold them."""
    exposed = min(cells, int(4 * cells ** (2 / 3)))
    hold = model.cadherin_hold * model.cadherin if cells > 1 else 0.0
    return exposed * model.diapedesis_rate * ORGANS[model.organ] * (1 - hold)


def build_chain(model: ExitModel, where: Circumstances) -> Chain:
    """The chain for an object of ``where.cells`` cells; states without a way out end in the outcome 'stays'.

    Only states that can be reached are in it.
    """
    states: list[State] = [("A", where.cells, 0)]
    moves: list[tuple[State, Any, float]] = []
    for state in states:
        for target, rate in _moves(state, model, where):
            if rate > 0:
                moves.append((state, target, rate))
                if len(target) == 3 and target not in states:
                    states.append(target)
    leaving = {s for s, _, _ in moves}
    moves += [(s, ("stays", s[1]), 1.0) for s in states if s not in leaving]
    ends = tuple(sorted({t for _, t, _ in moves if len(t) == 2}))
    row, column = {s: i for i, s in enumerate(states)}, {o: i for i, o in enumerate(ends)}
    inner, outer = np.zeros((len(states), len(states))), np.zeros((len(states), len(ends)))
    emission = np.zeros(len(states))
    for source, target, rate in moves:
        inner[row[source], row[source]] -= rate
        if len(target) == 2:
            outer[row[source], column[target]] += rate
        else:
            inner[row[source], row[target]] += rate
    for s in states:
        emission[row[s]] = _emission(s, model)
    return Chain(tuple(states), ends, inner, outer, emission)


def _moves(state: State, model: ExitModel, where: Circumstances) -> list[tuple[Any, float]]:
    """Ways out of one state with their rates (1/s)."""
    kind, n, phase = state
    rest: Any = ("A", n - 1, 0)
    death = n * where.death_rate
    if kind == "A":
        return [
            (("R", n, 1), start_rate(model, where.speed)),
            (rest if n > 1 else ("diapedesis", 1), lone_rate(model, n)),
            (("flow", n), model.dislodge_rate + where.release_rate),
            (rest if n > 1 else ("death", 1), death),
        ]
    dying = (("R", n - 1, phase) if n > 1 else ("death", 1), death)
    rate = phase_rate(model, n)
    if phase < model.phases:
        return [(("R", n, phase + 1), rate), dying]
    if n == 1:
        return [(("angiopellosis", 1), rate), dying]
    intact = intact_probability(model)
    return [(("cluster", n), rate * intact), (rest, rate * (1 - intact)), dying]


def _emission(state: State, model: ExitModel) -> float:
    """Rate (1/s) of shedding one cell into the tissue while the rest of the object stays."""
    kind, n, phase = state
    if n == 1:
        return 0.0
    if kind == "A":
        return lone_rate(model, n)
    return phase_rate(model, n) * (1 - intact_probability(model)) if phase == model.phases else 0.0


@dataclasses.dataclass(frozen=True)
class Absorption:
    """Per outcome: probability and mean time (s) given that outcome; overall mean time (s) and lone cells shed."""

    outcomes: tuple[Outcome, ...]
    probability: Array
    mean_time: Array
    overall_time: float
    shed_cells: float


def absorption(chain: Chain) -> Absorption:
    """B = N Q_TA with N = -Q_TT^-1, from the first state; E[T; c] = (N N Q_TA)_c. A 'stays' outcome has no time."""
    first = np.linalg.solve(-chain.inner.T, np.eye(len(chain.states))[0])
    probability = first @ chain.outer
    second = np.linalg.solve(-chain.inner.T, first)
    with np.errstate(divide="ignore", invalid="ignore"):
        times = np.where(probability > 0, (second @ chain.outer) / probability, np.nan)
    stays = np.array([cause == "stays" for cause, _ in chain.outcomes])
    times = np.where(stays, np.nan, times)
    return Absorption(chain.outcomes, probability, times, float(first.sum()), float(first @ chain.emission))


def cumulative_incidence(chain: Chain, times: Array) -> Array:
    """P(outcome c by time t), (len(times), O); times in s, ascending."""
    out = np.zeros((len(times), len(chain.outcomes)))
    size = len(chain.states)
    full = np.zeros((size + len(chain.outcomes),) * 2)
    full[:size, :size], full[:size, size:] = chain.inner, chain.outer
    now = np.zeros(len(full))
    now[0] = 1.0
    step, advance = 0.0, np.eye(len(full))
    for i, gap in enumerate(np.diff(times, prepend=0.0)):
        if not math.isclose(gap, step, rel_tol=1e-12):
            step, advance = float(gap), transition_matrix(full, float(gap))
        now = now @ advance
        out[i] = now[size:]
    return out


def transition_matrix(generator: Array, seconds: float) -> Array:
    """exp(Q t) of a generator Q (S,S) in 1/s: uniformisation over t/2^k, then k squarings.

    Every term is positive, so nothing cancels and rows keep their sum of one; general matrix exponentials lose it where
    rates differ by orders of magnitude.
    """
    fastest = float(-generator.diagonal().min(initial=0.0)) * seconds
    halvings = max(0, math.ceil(math.log2(fastest))) if fastest > 0 else 0
    small = fastest / 2**halvings
    jump = np.eye(len(generator)) + (generator * seconds / fastest if fastest > 0 else 0.0)
    term = np.eye(len(generator)) * math.exp(-small)
    total = term.copy()
    for j in range(1, _SERIES_TERMS):
        term = term @ jump * (small / j)
        total += term
    for _ in range(halvings):
        total = total @ total
    return np.asarray(total)
