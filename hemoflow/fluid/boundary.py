"""Links that leave the fluid: walls at sub-node distance, moving walls, velocity and pressure openings.

Every link obeys one local rule for the population that comes back against direction q,

    h_back(t+1) = s h*_q(t) + k (h_q(t+1) - h*_back(t)) + b(t),

with starred populations after collision. Walls and velocity openings: s = 1, k = (1 - 2 d)/(1 + 2 d) with d the
fraction of the link inside the fluid, b = 12/(1 + 2 d) w_q c_back.u_wall. This is the central linear rule of
Ginzburg, Verhaeghe and d'Humieres 2008 with the upstream population taken at the node itself one step earlier (Marson
et al. 2021): exact for a shear flow at any distance, exact half-way for a Poiseuille flow at the magic number 3/16,
independent of the relaxation time, and it never reads a second node. Pressure openings: s = -1, k = 0
(anti-bounce-back), b = 2 w_q (drho + 4.5 (c.u)^2 - 1.5 u^2).
"""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from hemoflow.fluid.lattice import DIRECTIONS, OPPOSITE, WEIGHTS

SLOPE_MEMORY = 30.0
"""Steps over which the pressure slope at an opening is averaged: longer than acoustic noise, shorter than any flow's start."""


class Links(eqx.Module):
    """All links, pressure links last (`pressure_count` of them).

    `out` and `back` (L,) flat indices (direction * N + node) of the post-collision populations that leave and come
    back, `retain` the factor k, `base` the factor of b, `group` (L,) the drive that scales it (0: walls, constant),
    `opening` (L,) index of the opening or -1. For pressure links (P,): `node`, `upstream` node (itself where there is
    none), `direction`, `reach`, the fraction of the link from the node to the opening, `along`, the link's length along
    the opening's normal, and `share`, its weight in the mean slope along that normal. `wall_gain` is the sum of `base`
    over the walls, without the round-off of adding it up in the solver's precision.
    """

    out: Array
    back: Array
    retain: Array
    base: Array
    group: Array
    opening: Array
    node: Array
    upstream: Array
    direction: Array
    reach: Array
    along: Array
    share: Array
    wall_gain: Array
    count: int = eqx.field(static=True)
    pressure_count: int = eqx.field(static=True)
    openings: int = eqx.field(static=True)


def make_links(
    node: NDArray[np.integer],
    direction: NDArray[np.integer],
    fraction: NDArray[np.floating],
    condition: tuple[NDArray[np.integer], NDArray[np.bool_], NDArray[np.floating], NDArray[np.floating]],
    neighbours: NDArray[np.integer],
) -> Links:
    """Coefficients of every link, on the host.

    `condition` is (opening index or -1, whether the link imposes a pressure, wall velocity (L, 3) in lattice units
    for a drive of 1). `neighbours` (19, N) ids or -1. The drive group of opening k is k + 1, that of walls is 0.
    """
    nodes = neighbours.shape[1]
    opening, pressure, velocity, normal = condition
    # pressure links last, those of one node beside each other
    order = np.lexsort((np.where(pressure, node, 0), pressure))
    node, direction, fraction = node[order], direction[order], np.asarray(fraction, float)[order]
    opening, pressure, velocity, normal = opening[order], pressure[order], velocity[order], normal[order]
    back = OPPOSITE[direction]
    filled = np.isin(direction * nodes + node, back * nodes + node)
    weight = WEIGHTS[direction]
    retain = np.where(pressure | filled, 0.0, (1 - 2 * fraction) / (1 + 2 * fraction))
    moving = (
        np.where(filled, 6.0, 12.0 / (1 + 2 * fraction)) * weight * np.einsum("la,la->l", DIRECTIONS[back], velocity)
    )
    base = np.where(pressure, 2.0 * weight, moving)
    count, n_pressure = len(node), int(pressure.sum())
    ends = node[count - n_pressure :]
    before = neighbours[back[count - n_pressure :], ends]
    along, share = _slope_weights(
        direction[count - n_pressure :], normal[count - n_pressure :], opening[count - n_pressure :], before
    )
    real = jnp.result_type(float)
    stored = np.where(opening < 0, base, 0.0).astype(real).astype(float)
    return Links(
        out=jnp.asarray(direction * nodes + node, jnp.int32),
        back=jnp.asarray(back * nodes + node, jnp.int32),
        retain=jnp.asarray(retain, real),
        base=jnp.asarray(base, real),
        group=jnp.asarray(np.where(opening >= 0, opening + 1, 0), jnp.int32),
        opening=jnp.asarray(opening, jnp.int32),
        node=jnp.asarray(ends, jnp.int32),
        upstream=jnp.asarray(np.where(before >= 0, before, ends), jnp.int32),
        direction=jnp.asarray(direction[count - n_pressure :], jnp.int32),
        reach=jnp.asarray(fraction[count - n_pressure :], real),
        along=jnp.asarray(along, real),
        share=jnp.asarray(share, real),
        wall_gain=jnp.asarray(stored.sum(), real),
        count=count,
        pressure_count=n_pressure,
        openings=int(opening.max(initial=-1)) + 1,
    )


def _slope_weights(
    direction: NDArray[np.integer],
    normal: NDArray[np.floating],
    opening: NDArray[np.integer],
    before: NDArray[np.integer],
) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Length of each pressure link along its opening's normal, and its weight in the least-squares slope along that."""
    if not len(before):
        return np.zeros(0), np.zeros(0)
    along = np.einsum("la,la->l", DIRECTIONS[direction], normal)
    weight = np.where(before >= 0, along, 0.0)
    total = np.bincount(opening, weight * along)
    return along, weight / np.maximum(total, 1e-30)[opening]


class OpeningMemory(eqx.Module):
    """What pressure links carry from step to step, each (P,): the strain term and the smoothed slope of the density along the link."""

    strained: Array
    slope: Array


def returning(links: Links, h: Array, arrived: Array, drive: Array, memory: OpeningMemory) -> Array:
    """The populations (L,) that come back over the links in this step.

    h (19, N) after the last collision; arrived (19, N) what streaming brought from fluid nodes; drive (groups,) the
    strength of walls (1) and of each opening: a velocity factor, or the density deviation of a pressure opening.
    """
    flat = h.reshape(-1)
    wall = links.count - links.pressure_count
    out = flat.at[links.out].get(mode="promise_in_bounds")
    amplitude = drive[links.group]
    upstream = arrived.reshape(-1).at[links.out].get(mode="promise_in_bounds")
    bounced = (
        out + links.retain * (upstream - flat.at[links.back].get(mode="promise_in_bounds")) + links.base * amplitude
    )
    if not links.pressure_count:
        return bounced
    density = amplitude[wall:] - links.reach * memory.slope
    imposed = -out[wall:] + links.base[wall:] * (density + _kinetic(links, h)) + memory.strained
    return jnp.concatenate([bounced[:wall], imposed])


def _kinetic(links: Links, h: Array) -> Array:
    """4.5 (c.u)^2 - 1.5 u^2 at the nodes of the pressure links."""
    c = jnp.asarray(DIRECTIONS, h.dtype)
    u = c.T @ h.at[:, links.node].get(mode="promise_in_bounds")
    cu = jnp.einsum("la,al->l", c[links.direction], u)
    return 4.5 * cu * cu - 1.5 * jnp.sum(u * u, axis=0)


def remember(links: Links, arrived: Array, even_rate: Array, memory: OpeningMemory) -> OpeningMemory:
    """The memory for the next step, from the populations before collision (19, N)."""
    here = arrived.at[:, links.node].get(mode="promise_in_bounds")
    rho = jnp.sum(here, axis=0)
    each = jnp.arange(links.pressure_count)
    even = 0.5 * (here[links.direction, each] + here[jnp.asarray(OPPOSITE)[links.direction], each])
    weight = jnp.asarray(WEIGHTS, arrived.dtype)[links.direction]
    rate = even_rate if even_rate.ndim == 0 else even_rate[links.node]
    strained = (2.0 - rate) * (even - weight * (rho + _kinetic(links, arrived)))
    step = rho - jnp.sum(arrived.at[:, links.upstream].get(mode="promise_in_bounds"), axis=0)
    # One slope per opening: a slope of its own at every node feeds back on itself at the rim of an oblique opening.
    mine = links.opening[links.count - links.pressure_count :]
    slope = links.along * jnp.zeros(links.openings, rho.dtype).at[mine].add(links.share * step)[mine]
    return OpeningMemory(strained, memory.slope + (slope - memory.slope) / SLOPE_MEMORY)


def at_rest(links: Links) -> OpeningMemory:
    """Memory of a fluid without strain or slope."""
    zero = jnp.zeros(links.pressure_count, links.base.dtype)
    return OpeningMemory(zero, zero)


def conserve_mass(links: Links, h: Array, came_back: Array, drive: Array) -> tuple[Array, Array, Array]:
    """Returning populations with no net gain over the walls, the mass gained per group before that correction, and the
    round-off that is left (a scalar to be added to the fluid).

    Walls at sub-node distance leak at the order of their truncation error (up to 1 % of the throughput beside a tight
    cell). The sum over all walls is taken back from the wall links in proportion to what each exchanges, so that
    openings and storage balance to round-off. The flux (groups,) holds the corrected-away leak in entry 0 and each
    opening's gain in the entries after it. What moving walls impose is large and cancels: it is left out of the sums,
    or their round-off, the same in every step of a steady flow, would add up.
    """
    out = h.reshape(-1).at[links.out].get(mode="promise_in_bounds")
    wall = links.group == 0
    imposed = jnp.where(wall, links.base * drive[0], 0.0)
    gained = _minus(came_back, out, imposed)
    flux = jnp.zeros(links.openings + 1, h.dtype).at[links.group].add(gained)
    flux = flux.at[0].add(links.wall_gain * drive[0])
    exchanged = jnp.where(wall, jnp.abs(gained + imposed), 0.0)
    total = jnp.sum(exchanged)
    corrected = came_back - flux[0] * (exchanged / jnp.where(total > 0.0, total, 1.0))
    left = jnp.sum(jnp.where(wall, _minus(corrected, out, imposed), 0.0)) + links.wall_gain * drive[0]
    return corrected, flux, -left


def _minus(total: Array, one: Array, other: Array) -> Array:
    """total - one - other, the larger part first, which leaves no round-off where total is their rounded sum."""
    return jnp.where(jnp.abs(one) > jnp.abs(other), (total - one) - other, (total - other) - one)
