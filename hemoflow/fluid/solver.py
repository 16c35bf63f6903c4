"""The fluid part of one time step, on whatever nodes the layout holds."""

from __future__ import annotations

from typing import cast

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from hemoflow.fluid import inplace
from hemoflow.fluid.boundary import LinkMemory, Links, at_rest, gains, remember, returning, settle
from hemoflow.fluid.collision import collide
from hemoflow.fluid.halo import Halo
from hemoflow.fluid.inplace import InPlace, Slots
from hemoflow.fluid.lattice import DIRECTIONS, WEIGHTS
from hemoflow.fluid.moments import density_deviation, momentum
from hemoflow.fluid.streaming import pull
from hemoflow.fluid.thinning import RateTable


class Fluid(eqx.Module):
    """What never changes: where populations come from, the links, the relaxation rates and the imposed body force.

    `table` is either (19, N) of `streaming.pull_table`, for the pure-JAX tier, or the slots of the native one,
    or, on one of several devices, its part of them with what crosses. `even_rate` and `odd_rate` scalars or (N,);
    `body_force` (3,) or (3, N) per drive of 1, scaled by the last entry of the drive. Where the viscosity depends on the
    shear rate, `thinning` gives the rates of every step and those two are the ones at rest.
    """

    table: Array | Slots | Halo
    links: Links
    even_rate: Array
    odd_rate: Array
    body_force: Array
    thinning: RateTable | None = None


class FluidState(eqx.Module):
    """Populations after collision (19, N), as deviations from rest, and what links carry on."""

    populations: Array
    memory: LinkMemory


Carried = FluidState | InPlace
"""A fluid within a chunk of steps: in canonical order in the pure-JAX tier, in slots in the native one."""


class Arrived(eqx.Module):
    """Populations before collision (19, N), their density deviation (N,) and bare momentum (3, N), the mass gained
    per link group, and what links carry on."""

    populations: Array
    density: Array
    momentum: Array
    flux: Array
    memory: LinkMemory


def begin(fluid: Fluid, state: FluidState) -> Carried:
    """The form in which `advance` carries a fluid through a chunk of steps."""
    if isinstance(fluid.table, Slots):
        return inplace.enter(fluid.table, state.populations, state.memory)
    return state


def finish(fluid: Fluid, carried: Carried) -> FluidState:
    """Back in canonical order."""
    if isinstance(fluid.table, Slots) and isinstance(carried, InPlace):
        return FluidState(inplace.leave(fluid.table, carried), carried.memory)
    return cast(FluidState, carried)


def advance(
    fluid: Fluid, carried: Carried, drive: Array, force: Array | None = None, wanted: bool = True
) -> tuple[Carried, Array, Array]:
    """One step at the given strength of each drive, with a force density (3, N) beside the body force.

    Returns the fluid, its velocity (3, N) before the collision with half of the force (empty unless `wanted`), and the
    mass gained per link group.
    """
    return advance_with_rate(fluid, carried, drive, force, wanted)[:3]


def advance_with_rate(
    fluid: Fluid, carried: Carried, drive: Array, force: Array | None = None, wanted: bool = True
) -> tuple[Carried, Array, Array, Array]:
    """As `advance`, and last the even rate of the collision, a scalar or (N,) (empty in a thinning fluid unless `wanted`)."""
    if isinstance(fluid.table, Slots) and isinstance(carried, InPlace):
        rates = (fluid.even_rate, fluid.odd_rate, fluid.body_force, fluid.thinning)
        return inplace.advance(fluid.table, fluid.links, rates, carried, (drive, force), wanted)
    arrived = stream(fluid, cast(FluidState, carried), drive)
    total = body_force(fluid, drive, arrived.density.shape[0]) + (0.0 if force is None else force)
    velocity = arrived.momentum + 0.5 * total
    rate = local_rates(fluid, arrived.populations, total)[0]
    return relax(fluid, arrived, total, velocity), velocity, arrived.flux, rate


def body_force(fluid: Fluid, drive: Array, count: int) -> Array:
    """The imposed force density (3, N)."""
    force = fluid.body_force * drive[-1]
    return jnp.broadcast_to(force[:, None] if force.ndim == 1 else force, (3, count))


def stream(fluid: Fluid, state: FluidState, drive: Array) -> Arrived:
    """Move populations along the lattice and over the links, at the given strength of each drive."""
    links = fluid.links
    h = state.populations
    arrived = _pull(fluid.table, h)
    flux, memory = jnp.zeros(1, h.dtype), state.memory
    if links.count:
        back = returning(links, h, arrived, drive, memory)
        flux, rounded = gains(links, h, back, drive)
        flat = arrived.reshape(-1).at[links.back].set(back, mode="promise_in_bounds", unique_indices=True)
        # Into a population at rest, which is small enough to hold it.
        arrived = flat.at[0].add(-rounded).reshape(h.shape)
    if links.pressure_count:
        memory = remember(links, arrived, _opening_rate(fluid, arrived), memory)
    parts = [arrived[i] for i in range(19)]
    return Arrived(arrived, density_deviation(parts), jnp.stack(momentum(parts)), flux, memory)


def _pull(table: Array | Slots | Halo, h: Array) -> Array:
    if isinstance(table, Halo):
        return table.pull(h)
    if isinstance(table, Slots):
        source = inplace.pull_source(table)
        return pull(h, source) if table.crossing is None else Halo(source, table.crossing.pull).pull(h)
    return pull(h, table)


def relax(fluid: Fluid, arrived: Arrived, force: Array, velocity: Array) -> FluidState:
    """State after collision, for the force density (3, N) and the velocity (3, N) that holds half of it."""
    parts = [arrived.populations[i] for i in range(19)]
    u = [velocity[a] for a in range(3)]
    rates = local_rates(fluid, arrived.populations, force)
    h = jnp.stack(collide(parts, arrived.density, u, [force[a] for a in range(3)], rates))
    memory = arrived.memory
    if not fluid.links.count:
        return FluidState(h, memory)
    h, owed = settle(fluid.links, arrived.populations, h, arrived.flux[0], memory.owed)
    return FluidState(h, LinkMemory(memory.strained, memory.slope, owed.astype(h.dtype)))


def local_rates(fluid: Fluid, populations: Array, force: Array | None = None) -> tuple[Array, Array]:
    """Even and odd rates of a collision, scalars or (N,), for populations before it (19, N) and the force density (3, N)."""
    if fluid.thinning is None:
        return fluid.even_rate, fluid.odd_rate
    return fluid.thinning.local_rates(populations, force)


def _opening_rate(fluid: Fluid, arrived: Array) -> Array:
    """Even rate at the pressure links, a scalar or (P,).

    Without the force, of which only the square matters to it: openings lie away from membranes.
    """
    node = fluid.links.node
    if fluid.thinning is not None:
        return local_rates(fluid, arrived.at[:, node].get(mode="promise_in_bounds"))[0]
    return fluid.even_rate if fluid.even_rate.ndim == 0 else fluid.even_rate[node]


def viscosity(even_rate: Array) -> Array:
    """Kinematic viscosity in lattice units that goes with an even rate, any shape."""
    return (1.0 / even_rate - 0.5) / 3.0


def equilibrium_state(fluid: Fluid, density: Array, velocity: Array) -> FluidState:
    """A state at local equilibrium with density deviation (N,) and velocity (3, N)."""
    c = jnp.asarray(DIRECTIONS, velocity.dtype)
    w = jnp.asarray(WEIGHTS, velocity.dtype)[:, None]
    cu = c @ velocity
    h = w * (density + 3.0 * cu + 4.5 * cu * cu - 1.5 * jnp.sum(velocity * velocity, axis=0))
    return FluidState(h, at_rest(fluid.links))
