"""Streaming: each node fetches the populations that arrive at it."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from hemoflow.fluid.lattice import OPPOSITE


def pull_table(neighbours: NDArray[np.integer]) -> Array:
    """Flat source index (19, N) of each arriving population from the neighbour ids (19, N), -1 where there is none.

    neighbours[i] is the node in direction i, so direction i arrives from neighbours[opposite(i)]. A missing source
    points at the outgoing population of the node itself (plain bounce-back); the links then overwrite it.
    """
    n = neighbours.shape[1]
    source = np.empty((19, n), np.int64)
    here = np.arange(n)
    for i in range(19):
        opposite = int(OPPOSITE[i])
        upstream = neighbours[opposite]
        source[i] = np.where(upstream >= 0, i * n + upstream, opposite * n + here)
    return jnp.asarray(source, jnp.int32)


def pull(h: Array, source: Array) -> Array:
    """Arriving populations (19, N), links not yet applied."""
    return h.reshape(-1).at[source].get(mode="promise_in_bounds")
