"""How much larger the fluid feels a body than the surface on which its markers lie, for every kernel.

Measured, not derived: `hemoflow.validate.hydrodynamic.excess_radius` holds a sphere of markers in a periodic cubic array and finds the
radius whose drag by Hasimoto 1959 (J Fluid Mech 5:317), with the terms of Sangani and Acrivos 1982 (Int J Multiphase Flow 8:343), is
the one measured. Spheres of 3 to 8 node spacings, 6.4 radii from each other, relaxation time 1, magic parameter 3/16, markers 1.18 node
spacings apart; the excess falls with the radius a of the markers as c + d/a, to 0.003 node spacings.

At a = 5 it varies by 0.006 (3 points), 0.004 (4) or 0.025 (2) node spacings with the place between nodes, and by 0.016, 0.014 or 0.036
between relaxation times 0.6 and 2. It falls with the magic parameter: with 3 points it is 0.04 more at 1/12 and 0.02 less at 1/4. The
torque on a sphere that turns says 0.07 less at a = 5 and 0.05 less at a = 8: a smeared surface has one size for each kind of motion, which
differ as 1/a.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EXCESS: Mapping[int, tuple[float, float]] = {2: (0.285, 0.341), 3: (0.340, 0.542), 4: (0.440, 0.920)}
"""c (node spacings) and d (node spacings squared) by the width of the kernel."""


def excess_of_markers(radius: float, kernel: int) -> float:
    """Hydrodynamic radius less that of the markers, which lie on a sphere of this radius; node spacings."""
    flat, curved = EXCESS[kernel]
    return flat + curved / radius


def excess_of_body(curvature: Floats, kernel: int) -> Floats:
    """How far (node spacings) inside of a surface of mean curvature (n,) its markers belong, so that the fluid feels that surface.

    Where it is too sharp for that (radii below about 2 node spacings) it gets what the sharpest one gets.
    """
    flat, curved = EXCESS[kernel]
    smallest = flat + 2.0 * math.sqrt(curved)
    radius = np.where(curvature * smallest < 1.0, 1.0 / np.maximum(curvature, 1e-9), smallest)
    rest = radius - flat
    return np.asarray(flat + 2.0 * curved / (rest + np.sqrt(np.maximum(rest * rest - 4.0 * curved, 0.0))))
