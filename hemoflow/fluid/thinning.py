"""The relaxation rate of every node of a fluid whose viscosity depends on the shear rate.

Populations give the strain rate through their non-equilibrium second moment, E = -(3/2) w Pi, in which the even rate w is itself
what the viscosity decides. With S = Pi:Pi of the traceless part, the shear rate is 3 w sqrt(S/2), and

    sqrt(S/2) = rate (1/6 + nu(rate))

has one solution, because rate x nu(rate) grows with the rate. So w is a function of S alone: it is tabulated once and
read with linear interpolation, without a lag in time, an iteration or a state. The shear rate that decides the viscosity is then that
of the very stress which the collision leaves behind.

The grid has 2^k intervals between successive powers of two of S, so that the leading bits of S as a floating-point number are
the index. k is the smallest that keeps the error of w below 5e-7 of w everywhere; beyond its ends w differs from that at rest, or at
infinite rate, by less than 1e-7, or S is out of a lattice's reach (a rate of 1e-17, and of order 1, per step).
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray

from hemoflow.rheology import CarreauYasuda

LARGEST_ERROR = 5e-7
"""Of the tabulated even rate, relative."""

FINEST = 14
"""Most intervals per power of two, as a power of two; a table that needs more is refused."""

REACH = (-112, 3)
"""Powers of two between which S = Pi:Pi can lie: round-off of double precision, and the populations themselves."""


class RateTable(eqx.Module):
    """Even rates (K + 1,) on the grid of S; `limits` (3,): smallest S, largest S, magic parameter; 2^`fineness` intervals per power of
    two."""

    rates: Array
    limits: Array
    fineness: int = eqx.field(static=True)

    def even_rate(self, moment: Array) -> Array:
        """Even rate for S = Pi:Pi, any shape."""
        real = self.rates.dtype
        wide = real == jnp.float64
        word, digits = (jnp.int64, 52) if wide else (jnp.int32, 23)
        shift = digits - self.fineness
        # in this form a value that is not a number stays inside of the table
        s = jnp.where(moment > self.limits[0], moment, self.limits[0])
        s = jnp.where(s < self.limits[1], s, self.limits[1])
        bits = jax.lax.bitcast_convert_type(jax.lax.stop_gradient(s), word)
        first = jax.lax.bitcast_convert_type(self.limits[0], word) >> shift
        start = jax.lax.bitcast_convert_type((bits >> shift) << shift, real)
        power = jax.lax.bitcast_convert_type((bits >> digits) << digits, real)
        at = (bits >> shift) - first
        low = self.rates.at[at].get(mode="promise_in_bounds")
        high = self.rates.at[at + 1].get(mode="promise_in_bounds")
        return low + (s - start) / power * float(2**self.fineness) * (high - low)

    def odd_rate(self, even_rate: Array) -> Array:
        """The odd rate that keeps the magic parameter beside this even rate."""
        return (4.0 - 2.0 * even_rate) / (2.0 + (4.0 * self.limits[2] - 1.0) * even_rate)

    def local_rates(self, h: Array, force: Array | None) -> tuple[Array, Array]:
        """Even and odd rates (N,) from populations before collision (19, N) and the force density (3, N) or None."""
        even = self.even_rate(strain_moment(h, force))
        return even, self.odd_rate(even)


def strain_moment(h: Array, force: Array | None) -> Array:
    """S = Pi:Pi (N,) of the traceless part of `moments.stress_moment`, without what cancels in it.

    Pi = sum c c h - rho/3 - j j + F F/4 with the bare momentum j: the density leaves no trace in differences of the diagonal, and half
    of the Guo source (u F + F u)/2 turns u u into j j but for F F/4.
    """
    even = [h[i] + h[i + 1] for i in range(1, 19, 2)]
    odd = [h[i] - h[i + 1] for i in range(1, 19, 2)]
    x, y, z, xy, yx, xz, zx, yz, zy = odd
    j = (x + xy + yx + xz + zx, y + xy - yx + yz + zy, z + xz - zx + yz - zy)
    x, y, z, xy, yx, xz, zx, yz, zy = even
    f = None if force is None else [0.5 * force[a] for a in range(3)]

    def less_flow(a: int, b: int) -> Array:
        return j[a] * j[b] if f is None else j[a] * j[b] - f[a] * f[b]

    xx = x + (xy + yx) + (xz + zx) - less_flow(0, 0)
    yy = y + (xy + yx) + (yz + zy) - less_flow(1, 1)
    zz = z + (xz + zx) + (yz + zy) - less_flow(2, 2)
    off = (xy - yx - less_flow(0, 1), xz - zx - less_flow(0, 2), yz - zy - less_flow(1, 2))
    diagonal = (xx - yy) ** 2 + (yy - zz) ** 2 + (zz - xx) ** 2
    return diagonal / 3.0 + 2.0 * (off[0] ** 2 + off[1] ** 2 + off[2] ** 2)


def make_rate_table(law: CarreauYasuda, magic: float) -> RateTable:
    """The table of a law in lattice units (kinematic viscosities), in the current JAX float type.

    Raises ValueError where no table of a sensible size is exact enough, which takes n near 0 and a viscosity far above 1.
    """
    low, high = _reached(law)
    for fineness in range(4, FINEST + 1):
        grid = _grid(low, high, fineness)
        rates = _even_rate(law, grid)
        middle = _even_rate(law, 0.5 * (grid[1:] + grid[:-1]))
        if np.max(np.abs(0.5 * (rates[1:] + rates[:-1]) / middle - 1.0)) < LARGEST_ERROR:
            real = jnp.result_type(float)
            last = np.nextafter(np.asarray(grid[-1], real), np.asarray(0, real))
            return RateTable(jnp.asarray(rates, real), jnp.asarray([grid[0], last, magic], real), fineness)
    raise ValueError(
        f"the viscosity falls too steeply to tabulate: index {law.index:g}, {law.zero_shear:g} at rest in lattice units"
    )


def _even_rate(law: CarreauYasuda, moment: NDArray[np.float64]) -> NDArray[np.float64]:
    rate = law.rate(np.sqrt(0.5 * moment), 1.0 / 6.0)
    return 1.0 / (0.5 + 3.0 * law.viscosity(rate))


def _reached(law: CarreauYasuda) -> tuple[int, int]:
    """Powers of two between which the even rate changes."""
    rates = _even_rate(law, np.exp2(np.arange(REACH[0], REACH[1] + 1, dtype=np.float64)))
    changed = np.flatnonzero((np.abs(rates / rates[0] - 1.0) > 1e-7) & (np.abs(rates / rates[-1] - 1.0) > 1e-7))
    if not len(changed):
        return REACH[1] - 1, REACH[1]
    return REACH[0] + max(int(changed[0]) - 1, 0), REACH[0] + min(int(changed[-1]) + 1, len(rates) - 1)


def _grid(low: int, high: int, fineness: int) -> NDArray[np.float64]:
    steps = 1.0 + np.arange(2**fineness) / 2**fineness
    return np.concatenate([(2.0 ** np.arange(low, high)[:, None] * steps).ravel(), [2.0**high]])
