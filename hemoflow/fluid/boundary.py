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
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from hemoflow.fluid.lattice import DIRECTIONS, OPPOSITE, WEIGHTS

SLOPE_MEMORY = 30.0
"""Steps over which the pressure slope at an opening is averaged: longer than acoustic noise, shorter than any flow's start."""

HALF_WAY = 1e-6
"""Walls closer than this to half-way, in spacings, are half-way: what the search for the wall resolves."""

SETTLED = 0.5
"""Part of their debt that walls give back per step: their debt is then twice what they gain in one step. All of it works as well;
this leaves a margin."""

LARGEST_SHARE = 0.5
"""Most of what walls bring a node or take from it that it gives back in one step; in a steady flow the sum is a small part of it."""


class Links(eqx.Module):
    """All links, pressure links last (`pressure_count` of them).

    `out` and `back` (L,) flat indices (direction * N + node) of the post-collision populations that leave and come
    back, `retain` the factor k, `base` the factor of b, `group` (L,) the drive that scales it (0: walls, constant),
    `opening` (L,) index of the opening or -1. For pressure links (P,): `node`, `upstream` node (itself where there is
    none), `direction`, `reach`, the fraction of the link from the node to the opening, `along`, the link's length along
    the opening's normal, and `share`, its weight in the mean slope along that normal. `wall_gain` is the sum of `base`
    over the walls, without the round-off of adding it up in the solver's precision. `devices` names the axis of the devices that
    links are split over, "" on one; all links of a pressure opening are on one device.
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
    devices: str = eqx.field(static=True, default="")

    def everywhere(self, part: Array) -> Array:
        """The sum over all links from that over the links of this device."""
        return jax.lax.psum(part, self.devices) if self.devices else part

    def smallest(self, part: Array) -> Array:
        """The smallest value on any device."""
        return jax.lax.pmin(part, self.devices) if self.devices else part


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
    retain = np.where(np.abs(retain) < HALF_WAY, 0.0, retain)
    moving = (
        np.where(filled, 6.0, 12.0 / (1 + 2 * fraction)) * weight * np.einsum("la,la->l", DIRECTIONS[back], velocity)
    )
    base = np.where(pressure, 2.0 * weight, np.where(opening < 0, _balanced(moving * (opening < 0)), moving))
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


def _balanced(pushed: NDArray[np.floating]) -> NDArray[np.floating]:
    """What moving walls push into the fluid (L,), less what its sum misses 0 by: a wall that slides along itself brings no mass, but the
    links of its lattice shape add up to some."""
    size = np.abs(pushed)
    return pushed - size * (pushed.sum() / max(float(size.sum()), 1e-30))


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


class LinkMemory(eqx.Module):
    """What links carry from step to step.

    Of pressure links, each (P,), the part of what comes back that the flow at the node gives (strain and kinetic energy), and the smoothed
    slope of the density along the link; of the walls
    `owed` (2,), the net mass that they have brought and not yet given back, and the sum of the sizes of what they brought each node in
    the last step.
    """

    strained: Array
    slope: Array
    owed: Array


def returning(links: Links, h: Array, arrived: Array, drive: Array, memory: LinkMemory) -> Array:
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
    imposed = -out[wall:] + links.base[wall:] * density + memory.strained
    return jnp.concatenate([bounced[:wall], imposed])


def _kinetic(links: Links, h: Array) -> Array:
    """4.5 (c.u)^2 - 1.5 u^2 at the nodes of the pressure links."""
    c = jnp.asarray(DIRECTIONS, h.dtype)
    u = c.T @ h.at[:, links.node].get(mode="promise_in_bounds")
    cu = jnp.einsum("la,al->l", c[links.direction], u)
    return 4.5 * cu * cu - 1.5 * jnp.sum(u * u, axis=0)


def remember(links: Links, arrived: Array, even_rate: Array, memory: LinkMemory) -> LinkMemory:
    """The memory of pressure links for the next step, from the populations before collision (19, N) and the even rate, a scalar or
    that at each pressure link (P,). A collision changes no momentum away from forces, so that the velocity before it serves after it."""
    here = arrived.at[:, links.node].get(mode="promise_in_bounds")
    rho = jnp.sum(here, axis=0)
    each = jnp.arange(links.pressure_count)
    even = 0.5 * (here[links.direction, each] + here[jnp.asarray(OPPOSITE)[links.direction], each])
    weight = jnp.asarray(WEIGHTS, arrived.dtype)[links.direction]
    kinetic = _kinetic(links, arrived)
    strained = (2.0 - even_rate) * (even - weight * (rho + kinetic)) + 2.0 * weight * kinetic
    step = rho - jnp.sum(arrived.at[:, links.upstream].get(mode="promise_in_bounds"), axis=0)
    # One slope per opening: a slope of its own at every node feeds back on itself at the rim of an oblique opening.
    mine = links.opening[links.count - links.pressure_count :]
    slope = links.along * jnp.zeros(links.openings, rho.dtype).at[mine].add(links.share * step)[mine]
    return LinkMemory(strained, memory.slope + (slope - memory.slope) / SLOPE_MEMORY, memory.owed)


def at_rest(links: Links) -> LinkMemory:
    """Memory of a fluid without strain or slope, whose walls owe nothing."""
    real = links.base.dtype
    return LinkMemory(jnp.zeros(links.pressure_count, real), jnp.zeros(links.pressure_count, real), jnp.zeros(2, real))


def gains(links: Links, h: Array, came_back: Array, drive: Array) -> tuple[Array, Array]:
    """The mass gained per group (groups,), from moving walls in entry 0 and through each opening in the entries after it, and the round-off
    in populations that come back from moving walls, to be taken off the fluid.

    What moving walls impose is large and cancels: it is left out of the sums, or their round-off, the same in every step of a
    steady flow, would add up.
    """
    out = h.reshape(-1).at[links.out].get(mode="promise_in_bounds")
    wall = links.group == 0
    gained = _minus(came_back, out, jnp.where(wall, links.base * drive[0], 0.0))
    # sums of sums, which lose fewer digits in single precision than one long sum
    part = jnp.arange(gained.size) % 64
    flux = (
        jnp.zeros((links.openings + 1, 64), h.dtype).at[links.group, part].add(jnp.where(wall, 0.0, gained)).sum(axis=1)
    )
    rounded = jnp.sum(jnp.where(wall & (links.retain == 0.0), gained, 0.0))
    return links.everywhere(flux.at[0].add(links.wall_gain * drive[0])), rounded


def settle(links: Links, arrived: Array, h: Array, pushed: Array, owed: Array) -> tuple[Array, Array]:
    """Populations after collision (19, N) with some of what the walls owe taken off beside them, and what they owe then (2,), with what
    moving walls `pushed` into the fluid. `arrived`, `h`: populations (19, N) before and after the collision.

    A wall at sub-node distance adds k h_q(t) to what a node holds and takes k h*_back(t - 1) off it, which balance up to the truncation
    error (up to 1 % of the throughput beside a tight cell). What all walls have brought, k (h_q(t) - h*_back(t)), is given back by the
    populations at rest beside them, in proportion to the size of what each node got: then the mass of the fluid, less what walls hold
    back (`held_back`) and less what they owe, changes through openings alone, to round-off. A debt of earlier steps is settled and not
    this step's, since a sum over all walls in the same step would need a second sweep over the fluid. Giving back at each node what that
    node got would need no sum, but unit cells that a wall cuts do not balance one by one: the pressure beside the walls of an oblique
    tube is then wrong by up to 5 % of its drop, instead of 0.5 to 1 %.
    """
    brought = jnp.zeros(h.shape[1], h.dtype).at[links.back % h.shape[1]].add(_brought(links, arrived, h))
    size = jnp.abs(brought)
    given = given_back(owed)
    # sums of sums, as in `gains`
    part = jnp.arange(brought.size) % 64
    net, exchanged = jnp.zeros((2, 64), h.dtype).at[:, part].add(jnp.stack([brought, size])).sum(axis=1)
    net, exchanged = links.everywhere(jnp.stack([net, exchanged]))
    return h.at[0].add(-given * size), jnp.stack([owed[0] + (net + pushed) - given * exchanged, exchanged])


def _brought(links: Links, arrived: Array, h: Array) -> Array:
    """What each link (L,) to a wall brings the node it comes back to."""
    before, after = arrived.reshape(-1), h.reshape(-1)
    against = before.at[links.out].get(mode="promise_in_bounds") - after.at[links.back].get(mode="promise_in_bounds")
    return jnp.where(links.group == 0, links.retain * against, 0.0)


def held_back(links: Links, h: Array) -> Array:
    """What each link (L,) to a wall holds back of the populations after collision h (19, N); see `settle`."""
    kept = h.reshape(-1).at[links.back].get(mode="promise_in_bounds")
    return jnp.where(links.group == 0, links.retain * kept, 0.0)


def given_back(owed: Array) -> Array:
    """Part of the size of what each node got from its walls that it gives back, for what the walls owe (2,)."""
    share = jnp.where(owed[1] > 0.0, SETTLED * owed[0] / jnp.where(owed[1] > 0.0, owed[1], 1.0), 0.0)
    return jnp.clip(share, -LARGEST_SHARE, LARGEST_SHARE)


def _minus(total: Array, one: Array, other: Array) -> Array:
    """total - one - other, the larger part first, which leaves no round-off where total is their rounded sum."""
    return jnp.where(jnp.abs(one) > jnp.abs(other), (total - one) - other, (total - other) - one)
