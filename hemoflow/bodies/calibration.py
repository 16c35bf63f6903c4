"""How much larger the fluid feels a body than the surface on which its markers lie, for every kernel.

Measured, not derived: `hemoflow.validate.hydrodynamic.excess_radius` holds a sphere of markers in a periodic cubic array and finds the radius
whose drag by Hasimoto 1959 (J Fluid Mech 5:317), with the terms of Sangani and Acrivos 1982 (Int J Multiphase Flow 8:343), is the one
measured. Spheres of 2 to 10 node spacings at 6.4 radii from each other, relaxation time 1, magic parameter 3/16, markers 1.18 node spacings
apart; the excess falls with the radius of the markers a as c + d/a, to 0.02 node spacings at a >= 3.

It varies by 0.006 (3 and 4 points) or 0.04 (2 points) node spacings with the place between nodes, and by 0.005 (2 points: 0.04) between
relaxation times 0.6 and 2. It falls with the magic parameter: with 3 points by 0.02 from 3/16 to 1/4, and it is 0.04 more at 1/12.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

EXCESS: Mapping[int, tuple[float, float]] = {2: (0.285, 0.428), 3: (0.340, 0.582), 4: (0.448, 0.917)}
"""c (node spacings) and d (node spacings squared) by the width of the kernel."""


def excess_of_markers(radius: float, kernel: int) -> float:
    """Hydrodynamic radius less that of the markers, which lie on a sphere of this radius; node spacings."""
    flat, curved = EXCESS[kernel]
    return flat + curved / radius


def excess_of_body(radius: float, kernel: int) -> float:
    """The same for a body whose hydrodynamic radius is given: how far inside of its surface the markers belong. A body too small
    for that (about 2 node spacings) gets what the smallest one gets."""
    flat, curved = EXCESS[kernel]
    rest = radius - flat
    return radius - 0.5 * (rest + math.sqrt(max(rest * rest - 4.0 * curved, 0.0)))
