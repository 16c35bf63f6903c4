"""The exit part of score.json: probabilities given arrest, times and sizes, and how they hang on what is unknown."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.fate import arrest, exit, sampling
from hemoflow.fate.parameters import interval, score_value, table
from hemoflow.fate.sections import CellObject

Array = NDArray[np.float64]
EXIT_MISSING = (
    "a fit to measured exit times: rates are priors of hours, grades B and C",
    "any published value of the probability of leaving intact",
    "arrest beyond the simulated seconds is taken as given",
)
EXIT_CAUSES = ("cluster", "angiopellosis", "diapedesis")
CAUSES = (*EXIT_CAUSES, "flow", "death", "stays")
HORIZON_HOURS = (24.0, 72.0)
GRID_HOURS = np.linspace(0.0, 168.0, 85)
SAMPLES = 4000


def exit_section(
    found: list[CellObject],
    places: list[tuple[arrest.ArrestScore, exit.Circumstances]],
    model: exit.ExitModel,
    seed: int,
) -> dict[str, Any]:
    """Per object: probability by cause given arrest, times, incidence, dependence on pi_intact, overall."""
    entries = []
    for thing, (score, where) in zip(found, places, strict=True):
        held = score.held_by in ("mechanical", "adhesive", "mixed") and score.stalled_at_end
        entries.append({"object": thing.label, **exit_entry(model, where, held, seed)})
    return {"objects": entries, "parameters": table(model)}


def exit_entry(model: exit.ExitModel, where: exit.Circumstances, arrested: bool, seed: int) -> dict[str, Any]:
    """All exit results of one object; ``arrested`` says whether this run supports that it was held."""
    chain = exit.build_chain(model, where)
    solved = exit.absorption(chain)
    causes = _by_cause(chain, solved.probability)
    leave = sum(causes.get(c, 0.0) for c in EXIT_CAUSES)
    span = _exit_span(model, where)
    basis = ("continuous-time Markov chain, absorption -Q_TT^-1 Q_TA, given arrest", exit.REFERENCES)
    missing: dict[str, Any] = {"not_included": EXIT_MISSING}
    kind = "range over the start rate, the envelopment time and pi_intact from 0 to 1"
    ranges = {c: interval(span[f"by {c}"], kind) for c in causes}
    whole = interval(span["ever"] if arrested else (0.0, 0.0), kind)
    seconds = GRID_HOURS * exit.HOUR
    incidence = exit.cumulative_incidence(chain, seconds)
    by_time = {
        f"{h:g} h": float(_leaving(chain, exit.cumulative_incidence(chain, np.array([h * exit.HOUR])))[0])
        for h in HORIZON_HOURS
    }
    return {
        "cells": score_value(where.cells, "cells", "object size at arrest", ()),
        "probability": score_value(leave, "1", *basis, uncertainty=interval(span["ever"], kind), **missing),
        "by_cause": score_value(causes, "1", *basis, uncertainty=ranges, **missing),
        "exited_by": score_value(
            by_time,
            "1",
            *basis,
            uncertainty={f"{h:g} h": interval(span[f"{h:g} h"], kind) for h in HORIZON_HOURS},
            **missing,
        ),
        "route": score_value(max(causes, key=lambda c: causes[c]), "1", *basis, **missing),
        "mean_time": score_value(_mean_times(chain, solved), "s", *basis, overall=solved.overall_time, **missing),
        "time_distribution": score_value(
            _quantiles(chain, seed), "s", f"Gillespie, {SAMPLES} samples, seed {seed}", basis[1], **missing
        ),
        "cumulative_incidence": score_value(
            {"time": seconds.tolist(), **_by_cause(chain, incidence)}, "s and 1", *basis, **missing
        ),
        "size": score_value(_sizes(chain, solved), "1", *basis, shed_lone_cells=solved.shed_cells, **missing),
        "intact_fraction": score_value(
            _intact(chain, solved, where.cells), "1", *basis, over_pi=_over_pi(model, where), **missing
        ),
        "overall": score_value(
            leave if arrested else 0.0,
            "1",
            "probability given arrest x arrest in this run (0 or 1)",
            basis[1],
            arrested=arrested,
            uncertainty=whole,
            **missing,
        ),
    }


def _by_cause(chain: exit.Chain, values: Array) -> dict[str, Any]:
    """Sum the last axis over outcomes of one cause; plain numbers or lists."""
    names = sorted({cause for cause, _ in chain.outcomes})
    return {
        n: values[..., [i for i, (c, _) in enumerate(chain.outcomes) if c == n]].sum(axis=-1).tolist() for n in names
    }


def _leaving(chain: exit.Chain, values: Array) -> Array:
    """Sum over outcomes that put the object, or its last cell, into the tissue."""
    return np.asarray(values[..., [c in EXIT_CAUSES for c, _ in chain.outcomes]].sum(axis=-1))


def _exit_span(model: exit.ExitModel, where: exit.Circumstances) -> dict[str, tuple[float, float]]:
    """Smallest and largest probability of leaving, ever and by each horizon, over what is unknown."""
    starts = (model.remodelling_rate_low, model.remodelling_rate, model.remodelling_rate_high)
    times = (model.remodelling_time_low, model.remodelling_time, model.remodelling_time_high)
    shares = (model.intact_probability,) if where.cells == 1 else (0.0, model.intact_probability, 1.0)
    seen: dict[str, list[float]] = {}
    for l0, t1, pi in itertools.product(starts, times, shares):
        changed = dataclasses.replace(model, remodelling_rate=l0, remodelling_time=t1, intact_probability=pi)
        chain = exit.build_chain(changed, where)
        chances = exit.absorption(chain).probability
        seen.setdefault("ever", []).append(float(_leaving(chain, chances)))
        by_cause = _by_cause(chain, chances)
        for cause in CAUSES:
            seen.setdefault(f"by {cause}", []).append(by_cause.get(cause, 0.0))
        at = exit.cumulative_incidence(chain, np.array(HORIZON_HOURS) * exit.HOUR)
        for h, value in zip(HORIZON_HOURS, _leaving(chain, at), strict=True):
            seen.setdefault(f"{h:g} h", []).append(float(value))
    return {k: (min(v), max(v)) for k, v in seen.items()}


def _mean_times(chain: exit.Chain, solved: exit.Absorption) -> dict[str, float]:
    """Mean time (s) given each cause."""
    weighted = _by_cause(chain, np.nan_to_num(solved.mean_time) * solved.probability)
    chance = _by_cause(chain, solved.probability)
    return {c: weighted[c] / chance[c] for c in weighted if chance[c] > 0 and c != "stays"}


def _quantiles(chain: exit.Chain, seed: int) -> dict[str, float | None]:
    """5, 50 and 95 % of the time to leave among sampled objects that left; None when fewer than 20 did."""
    drawn = sampling.gillespie(chain, SAMPLES, seed)
    left = np.array([c in EXIT_CAUSES for c, _ in chain.outcomes])[drawn.outcome]
    if left.sum() < 20:
        return {"5 %": None, "50 %": None, "95 %": None}
    values = np.quantile(drawn.time[left], [0.05, 0.5, 0.95])
    return dict(zip(("5 %", "50 %", "95 %"), values.tolist(), strict=True))


def _sizes(chain: exit.Chain, solved: exit.Absorption) -> dict[str, float]:
    """Probability of each size at which the object finally left."""
    sizes: dict[str, float] = {}
    for (cause, n), p in zip(chain.outcomes, solved.probability, strict=True):
        if cause in EXIT_CAUSES:
            sizes[str(n)] = sizes.get(str(n), 0.0) + float(p)
    return sizes


def _intact(chain: exit.Chain, solved: exit.Absorption, cells: int) -> float:
    """Probability that the object leaves with all the cells it had."""
    whole = [c in EXIT_CAUSES and n == cells for c, n in chain.outcomes]
    return float(solved.probability[whole].sum())


def _over_pi(model: exit.ExitModel, where: exit.Circumstances) -> list[dict[str, float]]:
    """The probability of leaving whole, and of leaving at all, for pi_intact from 0 to 1."""
    rows = []
    for pi in np.linspace(0, 1, 11):
        chain = exit.build_chain(dataclasses.replace(model, intact_probability=float(pi)), where)
        solved = exit.absorption(chain)
        leave = float(_leaving(chain, solved.probability))
        rows.append({"pi_intact": float(pi), "whole": _intact(chain, solved, where.cells), "leaves": leave})
    return rows
