"""Openings behind which a vessel goes on as a resistance or a Windkessel: their pressure follows from the flow rate through them.

A three-element Windkessel (Westerhof, Lankhaar and Westerhof 2009) has a proximal resistance Z in series with a distal resistance R beside
a capacitance C: p = p_distal + Z q + s, C ds/dt = q - s/R. A plain resistance is Z alone.

On the lattice a flow rate carries sound, which a resistance above that of a sound wave, Z_s = c_s/A for an opening of area A, would throw
back stronger than it came. So the flow rate is smoothed over `SMOOTHED` (1 + Z/Z_s) steps: the pressure then follows as fast as
sound lets it, and steady flows are untouched.
"""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from hemoflow.fluid.lattice import SPEED_OF_SOUND_SQUARED

SMOOTHED = 30.0
"""Steps over which the flow rate through an opening without resistance is smoothed, as the slope of the pressure there."""


class Outlets(eqx.Module):
    """K openings with a load, in lattice units: `group` (K,) their places in the drive; `proximal` and `distal` (K,) density deviation per
    flow rate; `rate` (K,) part of the way to its balance that the stored pressure goes in a step; `share` (K,) part of the flow rate
    of a step in the smoothed one."""

    group: Array
    proximal: Array
    distal: Array
    rate: Array
    share: Array


class OutletState(eqx.Module):
    """Of K loaded openings: the smoothed flow rate out of the lumen and the stored density deviation, each (2, K) with what
    rounding has taken from it so far, since a step is far shorter than the time over which they change."""

    flow: Array
    stored: Array


def make_outlets(
    groups: Sequence[int], loads: Sequence[tuple[float, float, float]], areas: Sequence[float]
) -> tuple[Outlets, OutletState]:
    """Loads and their state at rest. `loads`: proximal and distal resistance as density deviation per flow rate, and the
    distal one's time constant R C in steps (any for a plain resistance); `areas` in square node spacings."""
    real = jnp.result_type(float)
    proximal, distal, time = np.asarray(loads, float).reshape(-1, 3).T
    rate = -np.expm1(-1.0 / np.maximum(time, 1e-30))
    # In a step the load answers with the proximal resistance and with what its store takes up at once.
    share = 1.0 / (
        SMOOTHED * (1.0 + (proximal + rate * distal) * np.asarray(areas, float) * SPEED_OF_SOUND_SQUARED**0.5)
    )
    arrays = (jnp.asarray(values, real) for values in (proximal, distal, rate, share))
    zero = jnp.zeros((2, len(groups)), real)
    return Outlets(jnp.asarray(groups, jnp.int32), *arrays), OutletState(zero, zero)


def with_loads(outlets: Outlets | None, state: OutletState | None, drive: Array) -> Array:
    """The drive with the density deviation that the loads add to their openings."""
    if outlets is None or state is None:
        return drive
    return drive.at[outlets.group].add(outlets.proximal * state.flow[0] + state.stored[0])


def respond(outlets: Outlets | None, state: OutletState | None, flux: Array) -> OutletState | None:
    """The state after a step in which the fluid gained `flux` (1 + openings,) through walls and openings."""
    if outlets is None or state is None:
        return None
    flow = _add(state.flow, outlets.share * (-flux[outlets.group] - state.flow[0]))
    return OutletState(flow, _add(state.stored, outlets.rate * (outlets.distal * flow[0] - state.stored[0])))


def _add(value: Array, change: Array) -> Array:
    """value[0] + change with what rounding loses kept in value[1] (Kahan 1965)."""
    wanted = change + value[1]
    total = value[0] + wanted
    return jnp.stack([total, wanted - (total - value[0])])
