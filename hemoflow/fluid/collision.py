"""Two-relaxation-time collision with Guo forcing, on deviations from rest.

The even part of each pair of opposite populations relaxes with the viscosity, tau_even = 3 nu + 1/2; the odd part with
the rate fixed by the magic parameter (tau_even - 1/2)(tau_odd - 1/2) (Ginzburg, Verhaeghe and d'Humieres 2008). The
source of Guo, Zheng and Shi 2002 is split the same way and each part is scaled with its own rate.
"""

from __future__ import annotations

from collections.abc import Sequence

from jax import Array

from hemoflow.fluid.lattice import PAIRS, WEIGHTS
from hemoflow.fluid.moments import equilibrium_even, projected


def odd_relaxation_time(tau: float, magic: float) -> float:
    """tau_odd for a given tau_even and magic parameter."""
    return 0.5 + magic / (tau - 0.5)


def collide(
    h: Sequence[Array], rho: Array, u: Sequence[Array], force: Sequence[Array] | None, rates: tuple[Array, Array]
) -> list[Array]:
    """Post-collision populations, 19 arrays (N,).

    rho: density deviation (N,). u: velocity that already holds half of the force, 3 arrays. force: 3 arrays or None.
    rates: (1/tau_even, 1/tau_odd), each a scalar or (N,), so that the viscosity may differ from node to node.
    """
    even_rate, odd_rate = rates
    u_squared = u[0] * u[0] + u[1] * u[1] + u[2] * u[2]
    uf = None if force is None else u[0] * force[0] + u[1] * force[1] + u[2] * force[2]
    out: list[Array] = [h[0]] * 19
    rest = h[0] - even_rate * (h[0] - float(WEIGHTS[0]) * (rho - 1.5 * u_squared))
    out[0] = rest if uf is None else rest - (1.0 - 0.5 * even_rate) * (3.0 * float(WEIGHTS[0])) * uf
    for a, b in PAIRS:
        w = float(WEIGHTS[a])
        cu = projected(a, u)
        even = 0.5 * (h[a] + h[b])
        odd = 0.5 * (h[a] - h[b])
        even_change = -even_rate * (even - equilibrium_even(a, rho, cu, u_squared))
        odd_change = -odd_rate * (odd - 3.0 * w * cu)
        if force is not None and uf is not None:
            cf = projected(a, force)
            even_change = even_change + (1.0 - 0.5 * even_rate) * w * (9.0 * cu * cf - 3.0 * uf)
            odd_change = odd_change + (1.0 - 0.5 * odd_rate) * (3.0 * w) * cf
        out[a] = h[a] + even_change + odd_change
        out[b] = h[b] + even_change - odd_change
    out[0] = out[0] + _lost(h, out)
    return out


def _lost(before: Sequence[Array], after: Sequence[Array]) -> Array:
    """Mass (N,) that round-off took in a collision.

    In a steady flow it is the same in every step and adds up: 1e-6 of the mass in 1e5 steps of single precision. The
    differences of each pair are nearly exact, and the population at rest is small enough to take back their sum.
    """
    total = before[0] - after[0]
    for a, b in PAIRS:
        total = total + ((before[a] - after[a]) + (before[b] - after[b]))
    return total
