"""The native kernels as functions on JAX arrays; the meaning of every argument is that of the pure-JAX twin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

BLOCK = 16
"""Nodes per row of the neighbour table."""


def call(name: str, out: Any, arguments: Sequence[Array], aliases: dict[int, int] | None = None, **attributes: int) -> Any:
    """One kernel, in the precision of its first floating-point argument."""
    real = next(a.dtype for a in arguments if jnp.issubdtype(a.dtype, jnp.floating))
    target = f"hemoflow_{name}_{'f64' if real == jnp.float64 else 'f32'}"
    function = jax.ffi.ffi_call(target, out, input_output_aliases=aliases, vmap_method="sequential")
    return function(*arguments, **{key: np.int64(value) for key, value in attributes.items()})


def same(array: Array) -> jax.ShapeDtypeStruct:
    """A result like an array."""
    return jax.ShapeDtypeStruct(array.shape, array.dtype)


def new(shape: tuple[int, ...], dtype: Any) -> jax.ShapeDtypeStruct:
    """A result of this shape."""
    return jax.ShapeDtypeStruct(shape, dtype)
