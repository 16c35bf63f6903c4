"""Runners for one initially spherical capsule, of the fluid around it inside, in simple shear.

Lengths are in node spacings, times in steps. Ca = mu rate a/G and Re = rate a^2/nu; E_s = 3 G of a neo-Hookean membrane gives Ca_E. The
deformation D and the angle are those of the ellipsoid of inertia in the plane of flow and gradient.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hemoflow.build.fluid import Relaxation
from hemoflow.cells.inertia import deformation_in_plane
from hemoflow.errors import InputError
from hemoflow.validate.capsules_in_fluid import Capsule, CapsuleCase, capsule_case, shear_flow
from hemoflow.validate.flow import in_precision, number
from hemoflow.validate.record import Measurement, Settings

Params = dict[str, str]
Runner = Callable[[Params, Settings], Measurement]
Floats = NDArray[np.float64]

SMALL = 0.02
"""Capillary number at which the limit of small ones is taken."""

REYNOLDS = 0.05
INERTIA = 0.05
"""Largest G a/(rho nu^2) of a membrane whose relaxation in time is measured: the fluid follows it then as if it had no mass."""

STEADY = 2e-3
"""Relative change of D over a unit of strain below which it is steady; what is still to come is smaller."""


@dataclass(frozen=True)
class Membrane:
    """What a case says of the membrane: `bending` is kappa/(G a^2), `curvature` the spontaneous one times a."""

    law: str
    area_dilation: float
    bending: float
    curvature: float


def _membrane(params: Params) -> Membrane:
    name = params.get("law", "NH").lower()
    laws = {"nh": "neo-hookean", "neo-hookean": "neo-hookean", "skalak": "skalak", "sk": "skalak"}
    if name not in laws:
        raise InputError(f"law={params['law']} is not one of NH, Skalak")
    if number(params, "lambda", 1.0) != 1.0:
        raise InputError(f"lambda={params['lambda']}: the inside of a capsule is as viscous as the outside (lambda=1)")
    bending = number(params, "B", 3.0 * number(params, "E_b/(E_s a^2)", 0.0))
    return Membrane(laws[name], number(params, "C", 1.0), bending, number(params, "c0*a", number(params, "c0", 0.0)))


def _capillary(params: Params, default: float | None = None) -> float:
    if "Ca_E" in params:
        return 3.0 * number(params, "Ca_E")
    return number(params, "Ca_Gs" if "Ca_Gs" in params else "Ca", default)


class _Sheared:
    """A capsule in the middle between two walls that slide, in shear from the first step on."""

    def __init__(self, membrane: Membrane, capillary: float, quick: bool, inertia: float | None = None) -> None:
        a, size = (10.0, (8.0, 8.0, 6.0)) if quick else (16.0, (10.0, 10.0, 10.0))
        relaxation = Relaxation(2.0)
        nu = relaxation.viscosity
        reynolds = (2.0 if quick else 1.0) * REYNOLDS
        if inertia is not None:
            reynolds = min(reynolds, capillary * inertia)
        self.radius, self.rate = a, reynolds * nu / a**2
        self.modulus = nu * self.rate * a / capillary
        box = tuple(round(side * a) for side in size)
        middle = tuple(0.5 * side + 0.2 for side in box)
        capsule = Capsule(
            a, middle, self.modulus, membrane.area_dilation, 0.0, membrane.law,  # type: ignore[arg-type]
            bending_modulus=membrane.bending * self.modulus * a**2, spontaneous_curvature=membrane.curvature / a,
        )  # fmt: skip
        self.case = capsule_case(shear_flow(box, self.rate, relaxation), capsule)  # type: ignore[arg-type]
        self.about = (
            f"a = {a:g} nodes, box {size[0]:g} a x {size[1]:g} a x {size[2]:g} a, Re {reynolds:.2g}, Ca {capillary:g}"
        )

    def strain(self, more: float) -> None:
        """Run until the flow has sheared by `more`."""
        self.case.advance(max(1, round(more / self.rate)))

    @property
    def shape(self) -> tuple[float, float]:
        """D in the plane of shear and the angle of the long axis in degrees."""
        return _shape(self.case)


def _shape(case: CapsuleCase) -> tuple[float, float]:
    deformation, angle = deformation_in_plane(case.vertices, np.asarray(case.model.groups[0].membrane.mesh.faces))
    return deformation, math.degrees(angle)


@dataclass(frozen=True)
class Steady:
    """A steady shape: D, angle in degrees, and what was run."""

    deformation: float
    angle: float
    about: str
    updates: int


@lru_cache(maxsize=64)
def _steady(membrane: Membrane, capillary: float, settings: Settings) -> Steady:
    """The shape once it changes no more, after 12 times the slowest relaxation of a capsule at most."""
    sheared = _Sheared(membrane, capillary, settings.quick)
    unit = min(0.5, 8.0 * capillary)
    seen = [0.0]
    for _ in range(40):
        sheared.strain(unit)
        seen.append(sheared.shape[0])
        if abs(seen[-1] - seen[-2]) < STEADY * seen[-1] * max(unit, 0.1):
            break
    deformation, angle = sheared.shape
    return Steady(deformation, angle, f"{sheared.about}, {sheared.case.steps} steps", sheared.case.node_updates)


def steady_shape(what: str) -> Runner:
    """D, or the angle of the long axis from the flow in degrees, of the steady shape in shear."""

    def runner(params: Params, settings: Settings) -> Measurement:
        found = _steady(_membrane(params), _capillary(params), settings)
        return Measurement(getattr(found, what), found.about, found.updates)

    return runner


def small_deformation(params: Params, settings: Settings) -> Measurement:
    """D over Ca, where Ca is small."""
    capillary = _capillary(params, SMALL)
    found = _steady(_membrane(params), capillary, settings)
    return Measurement(found.deformation / capillary, found.about, found.updates)


def tank_treading(params: Params, settings: Settings) -> Measurement:
    """Time, over that of a unit of strain, in which the membrane near the plane of shear goes round once."""
    sheared = _Sheared(_membrane(params), _capillary(params, 0.3), settings.quick)
    middle = sheared.case.vertices.mean(axis=0)
    near = np.abs(sheared.case.vertices[:, 2] - middle[2]) < 0.2 * sheared.radius
    sheared.strain(6.0)
    angles, step = [_angles(sheared.case)[near]], 0.25
    while np.min(np.abs(angles[-1] - angles[0])) < 2.0 * math.pi and len(angles) < 400:
        sheared.strain(step)
        turn = _angles(sheared.case)[near] - angles[-1]
        angles.append(angles[-1] + (turn + math.pi) % (2.0 * math.pi) - math.pi)
    turned = np.abs(np.asarray(angles) - angles[0])
    times = step * np.arange(len(turned))
    periods = [np.interp(2.0 * math.pi, turned[:, k], times) for k in range(turned.shape[1])]
    about = f"{sheared.about}, mean of {len(periods)} vertices"
    return Measurement(float(np.mean(periods)), about, sheared.case.node_updates)


def _from_middle(case: CapsuleCase) -> Floats:
    return case.vertices - case.vertices.mean(axis=0)


def _angles(case: CapsuleCase) -> Floats:
    away = _from_middle(case)
    return np.arctan2(away[:, 1], away[:, 0])


@dataclass(frozen=True)
class History:
    """D (T,) at times (T,) in mu a/G."""

    times: Floats
    deformation: Floats
    about: str
    updates: int


@lru_cache(maxsize=8)
def _start_up(membrane: Membrane, capillary: float, until: float, settings: Settings) -> History:
    """D after a shear that begins at once, every half mu a/G."""
    sheared = _Sheared(membrane, capillary, settings.quick, INERTIA)
    seen = [0.0]
    times = 0.5 * np.arange(math.ceil(2.0 * until) + 1.0)
    for _ in times[1:]:
        sheared.strain(0.5 * capillary)
        seen.append(sheared.shape[0])
    return History(times, np.asarray(seen), sheared.about, sheared.case.node_updates)


def start_up(params: Params, settings: Settings) -> Measurement:
    """D over Ca at the times of the table, in mu a/G, after a sudden shear."""
    capillary = _capillary(params, SMALL)
    wanted = np.array([float(t) for t in params["t_G_over_mua"].split(",")])
    history = _start_up(_membrane(params), capillary, float(wanted.max()), settings)
    curve = np.interp(wanted, history.times, history.deformation / capillary)
    return Measurement(tuple(curve), history.about, history.updates)  # type: ignore[arg-type]


RUNNERS: dict[tuple[str, str], Runner] = {
    ("capsule_shear", "D"): in_precision(steady_shape("deformation")),
    ("capsule_shear", "theta_deg"): in_precision(steady_shape("angle")),
    ("capsule_shear", "tank-treading period x gdot"): in_precision(tank_treading),
    ("capsule_small_deformation", "D/Ca"): in_precision(small_deformation),
    ("transient-D", "D_over_Ca"): in_precision(start_up),
}
