"""What a simulation is made of: a model that never changes and a state that changes every step, both in lattice units."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from hemoflow.bodies.rigid import BodyGroup, BodyState
from hemoflow.cells.membrane import Membrane
from hemoflow.fluid.layout import NodeLayout
from hemoflow.fluid.outlets import Outlets, OutletState
from hemoflow.fluid.solver import Fluid, FluidState
from hemoflow.interaction.cells import CellContact


class CellGroup(eqx.Module):
    """Cells of one type on one mesh. `vertex_area` (V,) is each vertex's share of the reference membrane; `sliding`
    the strength with which vertices are redistributed along a membrane that does not resist shear (0: they are
    material points); `keeps_volume` whether what interpolated velocities leak is put right."""

    membrane: Membrane
    vertex_area: Array
    name: str = eqx.field(static=True)
    sliding: float = eqx.field(static=True)
    keeps_volume: bool = eqx.field(static=True, default=False)


class CellState(eqx.Module):
    """Where the cells of one group are.

    A vertex lies at `anchor` (C, 3) int32 + `offset` (C, V, 3): float32 offsets of a few nodes resolve steps of 1e-6
    nodes anywhere in a large vessel, and the unwrapped position survives periodic images. `alive` (C,), `ident` (C,)
    persistent ids. `carried` (C, V, 3) is the velocity that the lattice gave every vertex in the last step.
    """

    anchor: Array
    offset: Array
    alive: Array
    ident: Array
    carried: Array


class Bonds(eqx.Module):
    """Molecular bonds with fixed capacity B: `kind` (B,) with 0 for a free slot, ends (B, 2) as (object, id),
    `rest_length` and `birth` (B,), and whether the capacity was exceeded."""

    kind: Array
    end_a: Array
    end_b: Array
    rest_length: Array
    birth: Array
    overflow: Array


def no_bonds(capacity: int = 0) -> Bonds:
    """An empty bond table."""
    return Bonds(
        jnp.zeros(capacity, jnp.int32),
        jnp.zeros((capacity, 2), jnp.int32),
        jnp.zeros((capacity, 2), jnp.int32),
        jnp.zeros(capacity),
        jnp.zeros(capacity),
        jnp.asarray(False),
    )


class Contact(eqx.Module):
    """Wall repulsion: `pressure` at zero gap and `reach`, in lattice units; and that between cells, where there are several."""

    pressure: Array
    reach: Array
    cells: CellContact | None = None


class Model(eqx.Module):
    """Everything that stays the same during a run."""

    fluid: Fluid
    layout: NodeLayout
    groups: tuple[CellGroup, ...]
    contact: Contact
    kernel_width: int = eqx.field(static=True)
    outlets: Outlets | None = None
    bodies: tuple[BodyGroup, ...] = ()


class State(eqx.Module):
    """Everything that changes with a step. Within a chunk the fluid is what `fluid.solver.begin` makes of the state."""

    fluid: FluidState
    cells: tuple[CellState, ...]
    bonds: Bonds
    outlets: OutletState | None = None
    bodies: tuple[BodyState, ...] = ()
