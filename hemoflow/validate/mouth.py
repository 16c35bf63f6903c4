"""The mouth of a pore or a pipette as a wall that cells at rest lean on, and the pressure that differs across it. Any units."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax import Array

SHAPES = ("round", "square")
"""Sections of a pore."""


class Mouth(eqx.Module):
    """A wall fills x > 0 but for a pore along x whose half width (radius) is `half`; its edge is rounded with radius `edge`.

    Called with vertices (V, 3) it is the energy of the wall that pushes them back: `stiffness`/2 (pressure over depth) times
    depth squared times `share` (V,), the area that each vertex stands for.
    """

    half: Array
    edge: Array
    stiffness: Array
    share: Array
    shape: str = eqx.field(static=True)

    def depth(self, x: Array) -> Array:
        """How deep (V,) every vertex is in the wall, 0 outside of it."""
        if self.shape == "square":
            beside = jnp.abs(x[:, 1:]).max(axis=1)
        else:
            beside = jnp.sqrt((x[:, 1:] ** 2).sum(axis=1) + 1e-30)
        # the wall is what lies within `edge` of the corner x > edge, beside > half + edge
        along, out = self.edge - x[:, 0], self.half + self.edge - beside
        past = jnp.sqrt(jnp.maximum(along, 0.0) ** 2 + jnp.maximum(out, 0.0) ** 2 + 1e-30)
        inside = jnp.maximum(jnp.minimum(-along, -out), 0.0)
        return jnp.maximum(self.edge - past + inside, 0.0)

    def __call__(self, x: Array) -> Array:
        return 0.5 * self.stiffness * (self.share * self.depth(x) ** 2).sum()


class Suction(eqx.Module):
    """Draws the part of a closed surface that lies beyond x = 0 towards the volume `wanted`: energy `stiffness`/2 (V - wanted)^2.

    At rest that part feels the pressure `stiffness` (wanted - V) less than the rest: the suction that holds this volume, also where a
    suction that is kept would draw in the whole cell. `smooth` is the length over which x = 0 is smeared.
    """

    wanted: Array
    stiffness: Array
    smooth: Array
    faces: Array

    def volume(self, x: Array) -> Array:
        """The volume beyond x = 0."""
        a, b, c = (x[self.faces[:, k]] for k in range(3))
        area = 0.5 * jnp.cross(b - a, c - a)[:, 0]
        ahead = sum(self._ramp(0.5 * (p[:, 0] + q[:, 0])) for p, q in ((a, b), (b, c), (c, a))) / 3.0
        return (area * ahead).sum()

    def _ramp(self, x: Array) -> Array:
        """max(x, 0), smoothed."""
        return 0.5 * (x + jnp.sqrt(x**2 + self.smooth**2)) - 0.5 * self.smooth

    def pressure(self, x: Array) -> Array:
        """The suction."""
        return self.stiffness * (self.wanted - self.volume(x))

    def __call__(self, x: Array) -> Array:
        return 0.5 * self.stiffness * (self.volume(x) - self.wanted) ** 2


class Together(eqx.Module):
    """The sum of energies."""

    parts: tuple[eqx.Module, ...]

    def __call__(self, x: Array) -> Array:
        return sum((part(x) for part in self.parts), start=jnp.zeros((), x.dtype))  # type: ignore[operator]
