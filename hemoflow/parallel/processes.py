"""Several processes that share a run."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray


def everywhere(array: Any) -> NDArray[Any]:
    """An array on the host of every process, whoever holds its parts."""
    if not isinstance(array, jax.Array) or array.is_fully_addressable or array.is_fully_replicated:
        return np.asarray(array)
    from jax.experimental.multihost_utils import process_allgather

    return np.asarray(process_allgather(array, tiled=True))
