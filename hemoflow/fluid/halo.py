"""What crosses between devices where a lumen is split over several: single populations, never whole nodes."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from hemoflow.fluid.streaming import pull

Route = tuple[tuple[int, int], ...]


class Messages(eqx.Module):
    """Populations that go from device to device in one step.

    Of every message, flat indices `leave` of what is sent and `land` of where that belongs on the other device; what
    fills a message up to the same length everywhere has a `land` behind the end. `routes` holds the pairs (from, to) that exchange each
    message, `axis` the name of the devices' axis. A population crosses a face with one neighbour: five of 19 do where a face is flat.
    """

    leave: tuple[Array, ...]
    land: tuple[Array, ...]
    routes: tuple[Route, ...] = eqx.field(static=True)
    axis: str = eqx.field(static=True)

    def deliver(self, source: Array, onto: Array) -> Array:
        """`onto` (flat) with what the neighbours' `source` (flat) sends here."""
        for leave, land, route in zip(self.leave, self.land, self.routes, strict=True):
            sent = source.at[leave].get(mode="promise_in_bounds")
            came = jax.lax.ppermute(sent, self.axis, route)
            onto = onto.at[land].set(came, mode="drop")
        return onto

    def deliver_if(self, wanted: Array, values: Array) -> Array:
        """`values` (flat) with what the neighbours send of theirs, where it is `wanted`, a truth on which all devices agree."""
        for leave, land, route in zip(self.leave, self.land, self.routes, strict=True):
            sent = values.at[leave].get(mode="promise_in_bounds")
            came = jax.lax.cond(wanted, lambda m, r=route: jax.lax.ppermute(m, self.axis, r), lambda m: m, sent)
            values = values.at[jnp.where(wanted, land, values.size)].set(came, mode="drop")
        return values


class Halo(eqx.Module):
    """The pull table (19, n) of one device, as `streaming.pull_table` makes it for its nodes alone, and what comes from others."""

    source: Array
    messages: Messages

    def pull(self, h: Array) -> Array:
        """Arriving populations (19, n), links not yet applied."""
        return self.messages.deliver(h.reshape(-1), pull(h, self.source).reshape(-1)).reshape(h.shape)
