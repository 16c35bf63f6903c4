"""The radius with which the fluid feels a sphere of markers: what `hemoflow.bodies.calibration` holds, measured."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from hemoflow.bodies.shape import Shape
from hemoflow.build.bodies import Body, Drawn
from hemoflow.build.fluid import Relaxation
from hemoflow.validate.bodies import HELD, SPEED, UNIT, HeldFlow, settled, uniform
from hemoflow.validate.bodies_in_fluid import Setting, body_case
from hemoflow.validate.shapes import Room

SPACING = 6.4
"""Distance of the spheres of the array over their radius: 1.6 % of the volume is solid."""


@dataclass(frozen=True)
class Sample:
    """A sphere of markers of `radius` nodes with its centre `shift` (3,) from a node, a kernel and a relaxation."""

    radius: float = 5.0
    kernel: int = 3
    relaxation: Relaxation = field(default_factory=lambda: Relaxation(1.0))
    shift: tuple[float, float, float] = (0.5, 0.25, 0.1)


def dilute_drag(solid: float) -> float:
    """Drag over 6 pi mu a U in a simple cubic array with this part of the volume solid, to 1e-4 up to 0.03.

    Source: Hasimoto 1959, J Fluid Mech 5:317, eq. 4.6; further terms by Sangani and Acrivos 1982, Int J Multiphase Flow 8:343.
    """
    return 1.0 / (1.0 - 1.7601 * solid ** (1 / 3) + solid - 1.5593 * solid**2)


def excess_radius(sample: Sample, tolerance: float = 2e-5) -> float:
    """Hydrodynamic radius less that of the markers, node spacings."""
    a, relaxation = sample.radius, sample.relaxation
    size = max(12, round(SPACING * a))
    setting = Setting(
        Room((size, size, size)), relaxation, np.array([UNIT, 0.0, 0.0]), uniform(SPEED), Drawn(sample.kernel, 0.0)
    )
    centre: NDArray[np.float64] = size // 2 + 0.5 + np.array(sample.shift)
    case = body_case(setting, [Body(Shape("sphere", a, a), centre, free=HELD)])
    drag = settled(case, HeldFlow(SPEED, UNIT), lambda c: c.load[:, 0], tolerance, max(25, size * size // 40))
    mean = float(case.velocity[0].mean())
    wanted = float(drag[0]) / (6.0 * np.pi * relaxation.viscosity * mean)
    whole = 4.0 * np.pi / 3.0 / size**3
    return float(brentq(lambda r: r * dilute_drag(whole * r**3) - wanted, 0.6 * a, 1.6 * a + 1.0)) - a
