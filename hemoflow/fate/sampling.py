"""Drawing single histories of the exit chain (Gillespie) and estimating incidence from histories (Aalen-Johansen)."""

from __future__ import annotations

import dataclasses

import numpy as np
from numpy.typing import NDArray

from hemoflow.fate.exit import Chain

Array = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Histories:
    """Outcome index (N,) into ``chain.outcomes`` and the time (N,) in s at which each sampled object met it."""

    outcome: NDArray[np.int64]
    time: Array


def gillespie(chain: Chain, samples: int, seed: int) -> Histories:
    """Sample ``samples`` objects from the first state, exactly (Gillespie 1977); same seed, same histories."""
    generator = np.random.default_rng(seed)
    size = len(chain.states)
    jumps = np.concatenate([np.where(np.eye(size, dtype=bool), 0.0, chain.inner), chain.outer], axis=1)
    total = jumps.sum(axis=1)
    ladder = np.cumsum(jumps / total[:, None], axis=1)
    ladder[:, -1] = 1.0
    state, time = np.zeros(samples, dtype=np.int64), np.zeros(samples)
    alive = np.arange(samples)
    while alive.size:
        here = state[alive]
        time[alive] += generator.exponential(size=alive.size) / total[here]
        state[alive] = (generator.random(alive.size)[:, None] > ladder[here]).sum(axis=1)
        alive = alive[state[alive] < size]
    return Histories(state - size, time)


def aalen_johansen(time: Array, cause: NDArray[np.int64], causes: int) -> tuple[Array, Array]:
    """Cumulative incidence by cause with censoring (Aalen & Johansen 1978).

    ``time`` (N,) s; ``cause`` (N,) in 0..causes-1, or -1 where the history was cut off. Returns the event times (E,)
    and the incidence (E, causes) just after each.
    """
    moments = np.unique(time[cause >= 0])
    incidence = np.zeros((len(moments), causes))
    free, reached = 1.0, np.zeros(causes)
    for i, moment in enumerate(moments):
        at_risk = float((time >= moment).sum())
        events = np.array([((time == moment) & (cause == c)).sum() for c in range(causes)], dtype=float)
        reached = reached + free * events / at_risk
        free *= 1.0 - events.sum() / at_risk
        incidence[i] = reached
    return moments, incidence
