"""What is measured on a state: fields of the fluid and of the membranes, in lattice units, in one compiled call."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from hemoflow.cells.enclosure import face_area
from hemoflow.cells.vectors import corners, cross, subtract
from hemoflow.coupling.kernel import interpolate, stencil
from hemoflow.fluid.moments import stress_moment
from hemoflow.fluid.outlets import with_loads
from hemoflow.fluid.solver import local_rates, stream
from hemoflow.interaction.repulsion import gap_and_normal
from hemoflow.model import CellGroup, CellState, Model, State
from hemoflow.step import Stencil, body_forces, cell_forces, force_density, marker_stencil, point_stencil

BEYOND_KERNEL = 1.0
"""Nodes between the edge of the kernel and the place where the stress is sampled."""


class FluidFields(eqx.Module):
    """Density deviation (N,), velocity (3, N) and deviatoric stress (6, N) as xx, yy, zz, xy, xz, yz."""

    density: Array
    velocity: Array
    stress: Array


class MembraneFields(eqx.Module):
    """Of the C cells of a group: centroid relative to the anchor (C, 3), its velocity (C, 3), volume, area, elastic
    and bending energy (C,), and per vertex (C, V) traction and gap to the wall, per face (C, F) the larger principal
    tension, areal strain and area; `share` (C, V) is the membrane area of a vertex."""

    centroid: Array
    velocity: Array
    volume: Array
    area: Array
    energy: Array
    traction: Array
    gap: Array
    tension: Array
    areal_strain: Array
    face_area: Array
    share: Array


def observed(model: Model, state: State, drive: Array) -> tuple[FluidFields, tuple[MembraneFields, ...]]:
    """Measure a state as the next step would see it."""
    drive = with_loads(model.outlets, state.outlets, drive)
    arrived = stream(model.fluid, state.fluid, drive)
    points = [point_stencil(model, cells) for cells in state.cells]
    loads = [cell_forces(model, g, c)[0] for g, c in zip(model.groups, state.cells, strict=True)]
    for group, bodies in zip(model.bodies, state.bodies, strict=True):
        loads.append(body_forces(model, group, bodies)[1])
        points.append(marker_stencil(model, group, bodies))
    force = force_density(model, loads, points, drive)
    velocity = arrived.momentum + 0.5 * force
    moment = stress_moment(arrived.populations, arrived.density, velocity, force)
    rate = local_rates(model.fluid, arrived.populations, force)[0]
    stress = -(1.0 - 0.5 * rate[..., None, None]) * moment
    deviator = stress - jnp.trace(stress, axis1=1, axis2=2)[:, None, None] / 3.0 * jnp.eye(3, dtype=stress.dtype)
    six = jnp.stack([deviator[:, a, b] for a, b in ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))])
    fluid = FluidFields(arrived.density, velocity, six)
    each = zip(model.groups, state.cells, points, strict=False)
    return fluid, tuple(_membrane_fields(model, group, cells, fluid, at) for group, cells, at in each)


observe = eqx.filter_jit(observed)


def _membrane_fields(
    model: Model, group: CellGroup, cells: CellState, fluid: FluidFields, at: Stencil
) -> MembraneFields:
    membrane, x = group.membrane, cells.offset
    count, vertices = x.shape[:2]
    anchor = jnp.broadcast_to(cells.anchor[:, None, :], x.shape).reshape(-1, 3)
    gap, _ = gap_and_normal(model.layout, anchor, x.reshape(-1, 3))
    traction = _traction(model, anchor, x, _normals(group, x), gap, fluid.stress)
    velocity = at.interpolate(fluid.velocity).reshape(x.shape)
    share = membrane.vertex_areas(x)
    terms = membrane.terms(x)
    return MembraneFields(
        membrane.centroid(x),
        jax.jvp(membrane.centroid, (x,), (velocity,))[1],
        membrane.volume(x),
        membrane.area(x),
        terms["elastic"] + terms["bending"],
        traction.reshape(count, vertices),
        gap.reshape(count, vertices),
        membrane.tensions(x)[0],
        membrane.areal_strain(x),
        face_area(*corners(x, membrane.mesh.faces)),
        share,
    )


def _normals(group: CellGroup, x: Array) -> Array:
    """Outward unit normals (C, V, 3), weighted by face area."""
    mesh = group.membrane.mesh
    a, b, c = corners(x, mesh.faces)
    normal = jnp.stack(cross(subtract(b, a), subtract(c, a)), axis=-1)
    total = jnp.zeros_like(x)
    for k in range(3):
        total = total.at[:, mesh.faces[:, k]].add(normal)
    return total / jnp.maximum(jnp.linalg.norm(total, axis=-1, keepdims=True), 1e-12)


def _traction(model: Model, anchor: Array, x: Array, normal: Array, gap: Array, stress: Array) -> Array:
    """Size (P,) of the deviatoric traction on the outer side of a membrane.

    The stress is sampled along the normal beyond the kernel, where the membrane's own force no longer blurs it; close
    to a wall, half-way between membrane and wall. Nodes inside the cell never take part away from walls, so a
    prestressed cell at rest feels nothing.
    """
    n = normal.reshape(-1, 3)
    room = jnp.maximum(gap, 0.5)
    distance = jnp.minimum(0.5 * model.kernel_width + BEYOND_KERNEL, jnp.maximum(0.5 * room, room - 0.5))
    place = x.reshape(-1, 3) + distance[:, None] * n
    ids, weights = stencil(model.layout, anchor, place, 2)
    sampled = model.layout.everywhere(interpolate(stress, ids, weights))
    xx, yy, zz, xy, xz, yz = (sampled[:, k] for k in range(6))
    force = jnp.stack(
        [
            xx * n[:, 0] + xy * n[:, 1] + xz * n[:, 2],
            xy * n[:, 0] + yy * n[:, 1] + yz * n[:, 2],
            xz * n[:, 0] + yz * n[:, 1] + zz * n[:, 2],
        ],
        axis=-1,
    )
    return jnp.linalg.norm(force, axis=-1)
