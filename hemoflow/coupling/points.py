"""What points of membranes exchange with the nodes around them, in the tier of their layout.

Interpolation and spreading share one stencil, found once per step, which keeps them adjoint.
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from hemoflow.coupling import kernel
from hemoflow.fluid.layout import NodeLayout
from hemoflow.native.calls import call, new, same


class NodeStencil(eqx.Module):
    """Every node around each point, `ids` and `weights` (P, width^3) as `kernel.stencil` gives them: pure JAX."""

    ids: Array
    weights: Array

    def interpolate(self, field: Array) -> Array:
        """Values (P, k) of a node field (k, N)."""
        return kernel.interpolate(field, self.ids, self.weights)

    def spread_onto(self, field: Array, values: Array) -> Array:
        """A node field (k, N) with point values (P, k) spread onto it."""
        return field + kernel.spread(values, self.ids, self.weights, field.shape[1])


class RowStencil(eqx.Module):
    """The same for the native tier, by rows of nodes that follow each other in memory; see native/src/kernels.hpp.

    `rows` (P, width^2) ids of the first node of each row, or -1 in the first entry where a node is missing or a row is cut: such
    points look up every node again. `span` (P, 2) the range of ids, `factors` (P, 3, width) the weights along each axis.
    """

    layout: NodeLayout
    anchor: Array
    offset: Array
    rows: Array
    span: Array
    factors: Array

    def interpolate(self, field: Array) -> Array:
        """Values (P, 3) of a node field (3, N)."""
        out = new((self.rows.shape[0], 3), field.dtype)
        return call("interpolate", out, (*self._where(), field), **self._sizes())

    def spread_onto(self, field: Array, values: Array) -> Array:
        """A node field (3, N) with point values (P, 3) spread onto it."""
        where = self._where()
        return call("spread", same(field), (*where, field, values), {len(where): 0}, **self._sizes())

    def _where(self) -> tuple[Array, ...]:
        table, _ = self.layout.native_arguments()
        return (self.anchor, self.offset, *table, self.rows, self.span, self.factors)

    def _sizes(self) -> dict[str, int]:
        return self.layout.native_arguments()[1]


def find_stencil(layout: NodeLayout, anchor: Array, offset: Array, width: int) -> NodeStencil | RowStencil:
    """Stencil of the points at anchor (C, 3) int32 + offset (C, V, 3), P = C V of them, with a kernel of `width` points."""
    if not layout.native:
        spots = jnp.broadcast_to(anchor[:, None, :], offset.shape).reshape(-1, 3)
        return NodeStencil(*kernel.stencil(layout, spots, offset.reshape(-1, 3), width))
    table, sizes = layout.native_arguments()
    points = offset.shape[0] * offset.shape[1]
    out = (new((points, width**2), jnp.int32), new((points, 2), jnp.int32), new((points, 3, width), offset.dtype))
    found = call("stencil", out, (anchor, offset, *table), width=width, **sizes)
    return RowStencil(layout, anchor, offset, *found)
