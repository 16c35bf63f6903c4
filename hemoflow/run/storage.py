"""A state as named arrays and back, bit by bit."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.model import State
from hemoflow.output.disk import sha256_of

Arrays = dict[str, NDArray[Any]]
FREE_KEYS = {"run": ("until", "stop_when", "checkpoint_every", "max_wall"), "fate": None, "case": None}
"""What may differ between a checkpoint and the case that goes on from it."""


def to_arrays(state: State) -> Arrays:
    """Every array of a state under its path, e.g. "fluid/populations"."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(state)
    return {_name(path): np.asarray(leaf) for path, leaf in leaves}


def from_arrays(arrays: Arrays, like: State) -> State:
    """The state held by arrays, shaped like another. Raises InputError where names, shapes or types differ."""
    leaves, tree = jax.tree_util.tree_flatten_with_path(like)
    problems, found = [], []
    for path, leaf in leaves:
        name = _name(path)
        stored = arrays.get(name)
        if stored is None or stored.shape != leaf.shape or stored.dtype != leaf.dtype:
            have = "missing" if stored is None else f"{stored.dtype} {stored.shape}"
            problems.append(f"{name}: {have}, this case needs {leaf.dtype} {leaf.shape}")
        else:
            found.append(jnp.asarray(stored))
    if problems:
        raise InputError("the checkpoint belongs to another case: " + "; ".join(problems[:4]))
    return jax.tree_util.tree_unflatten(tree, found)


def case_key(text: str) -> str:
    """Digest of all that decides the trajectory in a case written out in full."""
    case = tomllib.loads(text)
    for section, keys in FREE_KEYS.items():
        if keys is None:
            case.pop(section, None)
        else:
            for key in keys:
                case.get(section, {}).pop(key, None)
    case.get("vessel", {}).pop("geometry", None)
    return hashlib.sha256(repr(_sorted(case)).encode()).hexdigest()


def files_key(paths: Sequence[Path]) -> str:
    """Digest of the content of files."""
    return hashlib.sha256("".join(sha256_of(path) for path in paths).encode()).hexdigest()


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return [(key, _sorted(value[key])) for key in sorted(value)]
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _name(path: tuple[Any, ...]) -> str:
    return "/".join(str(getattr(key, "name", getattr(key, "idx", key))) for key in path)
