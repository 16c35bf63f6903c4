"""The native kernels as functions on JAX arrays; the meaning of every argument is that of the pure-JAX twin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

BLOCK = 16
"""Most nodes that share a row of the neighbour table."""

NAMES = "hemoflow"
"""How the names begin under which kernels are registered, for every platform the same."""

TEAM = 256
"""Threads of a GPU that form sums together: kTeam in native/src/kernels.hpp."""


def call(name: str, out: Any, arguments: Sequence[Array], aliases: Any = None, **attributes: Any) -> Any:
    """One kernel, in the precision of its first floating-point argument, which the others are brought to; integers are int32 or uint16."""
    real = next(a.dtype for a in arguments if jnp.issubdtype(a.dtype, jnp.floating))
    target = f"{NAMES}_{name}_{'f64' if real == jnp.float64 else 'f32'}"
    arguments = [_as(a, real) for a in arguments]
    function = jax.ffi.ffi_call(target, out, input_output_aliases=aliases, vmap_method="sequential")
    return function(*arguments, **{key: np.int64(value) for key, value in attributes.items()})


def _as(array: Array, real: Any) -> Array:
    if jnp.issubdtype(array.dtype, jnp.floating):
        return array.astype(real)
    return array if array.dtype in (jnp.uint16, jnp.bool_) else array.astype(jnp.int32)


def scratch(numbers: int) -> jax.ShapeDtypeStruct:
    """A result that only gives kernels of a GPU room for so many numbers of 8 bytes, where they form sums."""
    return jax.ShapeDtypeStruct((2 * max(1, numbers),), jnp.uint32)


def teams(count: int) -> int:
    """Groups of threads of a GPU that share the work on so many elements and form one sum each."""
    return -(-count // TEAM)


def same(array: Array) -> jax.ShapeDtypeStruct:
    """A result like an array."""
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def new(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
    """A result of this shape."""
    return jax.ShapeDtypeStruct(shape, dtype)
