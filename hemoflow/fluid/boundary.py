"""Links that leave the fluid: walls at sub-node distance, moving walls, velocity and pressure openings.

Every link obeys one local rule for the population that comes back against direction q,

    h_back(t+1) = s h*_q(t) + k (h_q(t+1) - h*_back(t)) + b(t),

with starred populations after collision. Walls and velocity openings: s = 1, k = (1 - 2 d)/(1 + 2 d) with d the fraction of the link
inside the fluid, b = 12/(1 + 2 d) w_q c_back.u_wall. This is the central linear rule of Ginzburg, Verhaeghe and d'Humieres 2008 with
the upstream population taken at the node itself one step earlier (Marson et al. 2021): exact for a shear flow at any distance, exact
half-way for a Poiseuille flow at the magic number 3/16, independent of the relaxation time, and it never reads a second node. Pressure
openings: s = -1, k = 0 (anti-bounce-back), b = 2 w_q (drho + 4.5 (c.u)^2 - 1.5 u^2).
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from hemoflow.fluid.lattice import DIRECTIONS, OPPOSITE, WEIGHTS

SHORTEST_PRESSURE_LINK = 0.25
"""Pressure is extrapolated from the node to half-way; below this distance the extrapolation would amplify noise."""


class Links(eqx.Module):
    """All links, pressure links last (`pressure_count` of them).

    `out` and `back` (L,) flat indices (direction * N + node) of the post-collision populations that leave and come back, `retain` the factor k, `base` the factor of b, `group` (L,) the drive that scales it (0: walls, constant),
    `opening` (L,) index of the opening or -1. For pressure links: `node` and `direction` and `blend`, how far the half-way pressure
    lies between the opening's and the node's.
    """

    out: Array
    back: Array
    retain: Array
    base: Array
    group: Array
    opening: Array
    node: Array
    direction: Array
    blend: Array
    count: int = eqx.field(static=True)
    pressure_count: int = eqx.field(static=True)
    openings: int = eqx.field(static=True)


def make_links(
    node: NDArray[np.integer],
    direction: NDArray[np.integer],
    fraction: NDArray[np.floating],
    condition: tuple[NDArray[np.integer], NDArray[np.bool_], NDArray[np.floating]],
    nodes: int,
) -> Links:
    """Coefficients of every link, on the host.

    `condition` is (opening index or -1, whether the link imposes a pressure, wall velocity (L, 3) in lattice units for a drive of 1).
    The drive group of opening k is k + 1, that of walls is 0.
    """
    opening, pressure, velocity = condition
    order = np.argsort(np.where(pressure, 1, 0), kind="stable")
    node, direction, fraction = node[order], direction[order], np.asarray(fraction, float)[order]
    opening, pressure, velocity = opening[order], pressure[order], velocity[order]
    back = OPPOSITE[direction]
    filled = np.isin(direction * nodes + node, back * nodes + node)
    weight = WEIGHTS[direction]
    retain = np.where(pressure | filled, 0.0, (1 - 2 * fraction) / (1 + 2 * fraction))
    moving = np.where(filled, 6.0, 12.0 / (1 + 2 * fraction)) * weight * np.einsum("la,la->l", DIRECTIONS[back], velocity)
    base = np.where(pressure, 2.0 * weight, moving)
    count, n_pressure = len(node), int(pressure.sum())
    length = np.maximum(fraction[count - n_pressure :], SHORTEST_PRESSURE_LINK)
    real = jnp.result_type(float)
    return Links(
        out=jnp.asarray(direction * nodes + node, jnp.int32),
        back=jnp.asarray(back * nodes + node, jnp.int32),
        retain=jnp.asarray(retain, real),
        base=jnp.asarray(base, real),
        group=jnp.asarray(np.where(opening >= 0, opening + 1, 0), jnp.int32),
        opening=jnp.asarray(opening, jnp.int32),
        node=jnp.asarray(node[count - n_pressure :], jnp.int32),
        direction=jnp.asarray(direction[count - n_pressure :], jnp.int32),
        blend=jnp.asarray((length - 0.5) / length, real),
        count=count,
        pressure_count=n_pressure,
        openings=int(opening.max(initial=-1)) + 1,
    )


def returning(links: Links, h: Array, arrived: Array, drive: Array) -> Array:
    """The populations (L,) that come back over the links in this step.

    h (19, N) after the last collision; arrived (19, N) what streaming brought from fluid nodes; drive (groups,) the strength of walls (1) and
    of each opening: a velocity factor, or the density deviation of a pressure opening.
    """
    flat = h.reshape(-1)
    wall = links.count - links.pressure_count
    out = flat.at[links.out].get(mode="promise_in_bounds")
    amplitude = drive[links.group]
    upstream = arrived.reshape(-1).at[links.out].get(mode="promise_in_bounds")
    bounced = out + links.retain * (upstream - flat.at[links.back].get(mode="promise_in_bounds")) + links.base * amplitude
    if not links.pressure_count:
        return bounced
    imposed = _pressure_links(links, h, out[wall:], amplitude[wall:])
    return jnp.concatenate([bounced[:wall], imposed])


def _pressure_links(links: Links, h: Array, out: Array, density: Array) -> Array:
    c = jnp.asarray(DIRECTIONS, h.dtype)
    here = h.at[:, links.node].get(mode="promise_in_bounds")
    rho = jnp.sum(here, axis=0)
    u = c.T @ here
    cu = jnp.einsum("la,al->l", c[links.direction], u)
    half_way = density + links.blend * (rho - density)
    wall = links.count - links.pressure_count
    return -out + links.base[wall:] * (half_way + 4.5 * cu * cu - 1.5 * jnp.sum(u * u, axis=0))


def link_flux(links: Links, h: Array, came_back: Array) -> Array:
    """Mass gained over the walls (entry 0) and over each opening (entries 1 on) in this step, lattice units."""
    gained = came_back - h.reshape(-1).at[links.out].get(mode="promise_in_bounds")
    return jnp.zeros(links.openings + 1, h.dtype).at[links.group].add(gained)
