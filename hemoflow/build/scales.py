"""The time step and the density scale: the largest step that every limit allows, and which limit binds.

Viscosity, tensions and pressures keep their true values; the density is multiplied by a scale s, which multiplies the
Reynolds number and the step (dt = nu_lattice rho s dx^2 / mu) and leaves capillary numbers alone, as long as inertia
stays negligible.
"""

from __future__ import annotations

from dataclasses import dataclass

from hemoflow.errors import InputError

LARGEST_SPEED = 0.1
LARGEST_DENSITY_CHANGE = 0.05
STIFFNESS_NUMBER = 0.1
"""Step over viscosity * spacing / tension. 0.3 is stable in free flow; pressed slowly into a neck, membranes wrinkle above about 0.15."""
LARGEST_LAPLACE = 10.0
VOLUME_STIFFNESS = 0.15
"""Volume modulus of a cell in lattice units; the fluid's own bulk modulus is 1/3, and a penalty that is stiffer than it rings."""

LARGEST_MACH = 0.3

WALL_SHEAR = 8.0
"""Shear rate at the wall of a round tube times its diameter over the mean speed."""

RELAXATION_TIMES = (0.505, 5.0)
"""Within which collisions are stable and walls are where they should be."""


@dataclass(frozen=True)
class Physics:
    """What the step depends on, SI: fluid, lengths, speeds and pressures, and the stiffest membrane (zeros without
    cells).

    `length` is the width of the narrowest lumen on the way, `speed` the largest mean speed, `peak_speed` the largest
    speed anywhere, `pressure` the largest pressure difference, `tension` the largest of cortical tension and elastic
    moduli (N/m), `cortical` the cortical tension alone, `bending` J, `radius` of the smallest cell, `contact` the
    repulsion's pressure per length (Pa/m), `shear_modulus` of the softest elastic membrane (N/m).

    `viscosity` is that at the wall of the fastest place; where it depends on the shear rate, `zero_shear` and
    `infinite_shear` are its ends (zeros in a Newtonian fluid).
    """

    viscosity: float
    density: float
    length: float
    speed: float
    peak_speed: float
    pressure: float
    tension: float = 0.0
    cortical: float = 0.0
    bending: float = 0.0
    radius: float = 0.0
    contact: float = 0.0
    volume_modulus: float = 0.0
    shear_modulus: float = 0.0
    zero_shear: float = 0.0
    infinite_shear: float = 0.0

    @property
    def thinnest(self) -> float:
        """The lowest viscosity (Pa s), which limits what membranes and inertia allow."""
        return self.infinite_shear or self.viscosity

    @property
    def thickest(self) -> float:
        """The highest viscosity (Pa s)."""
        return self.zero_shear or self.viscosity

    def relaxation_time(self, middle: float | None) -> float:
        """Relaxation time at the wall's viscosity where it is `middle` at the geometric mean of the two ends; by default 1, or less where
        the blood at rest would be too thick for the lattice."""
        if self.thinnest == self.thickest:
            return 1.0 if middle is None else middle
        mean = (self.thinnest * self.thickest) ** 0.5
        if middle is None:
            middle = min(1.0, 0.5 + (RELAXATION_TIMES[1] - 0.5) * mean / self.thickest)
        return 0.5 + (middle - 0.5) * self.viscosity / mean


@dataclass(frozen=True)
class Request:
    """What the case fixes: node spacing (m), relaxation time at `Physics.viscosity`, and optionally time step (s), density scale, the
    Reynolds cap, and the largest density scale that the physics allows."""

    spacing: float
    relaxation_time: float = 1.0
    time_step: float | None = None
    density_scale: float | None = None
    max_reynolds: float = 0.5
    largest_scale: float = float("inf")


@dataclass(frozen=True)
class Scales:
    """The chosen step: `time_step` s, `density_scale`, `relaxation_time`, the limit that binds, every limit on the
    step (s by name), and the numbers that follow."""

    spacing: float
    time_step: float
    density_scale: float
    relaxation_time: float
    binds: str
    limits: dict[str, float]
    numbers: dict[str, float]


def choose_scales(physics: Physics, request: Request) -> Scales:
    """Largest allowed step for a request. Raises InputError where a step or scale was fixed that breaks a limit."""
    dx, mu, rho = request.spacing, physics.viscosity, physics.density
    viscosity = (request.relaxation_time - 0.5) / 3.0
    unit_step = viscosity * rho * dx * dx / mu
    limits = _limits(physics, request, viscosity, unit_step)
    if request.time_step is not None and request.density_scale is not None:
        step, scale = request.time_step, request.density_scale
        viscosity = mu * step / (rho * scale * dx * dx)
        binds = "resolution.time_step and density_scale"
    elif request.time_step is not None and request.largest_scale <= request.time_step / unit_step:
        step, scale, binds = request.time_step, request.largest_scale, "resolution.time_step"
        viscosity = mu * step / (rho * scale * dx * dx)
    elif request.time_step is not None:
        step, scale, binds = request.time_step, request.time_step / unit_step, "resolution.time_step"
    elif request.density_scale is not None:
        step, scale, binds = request.density_scale * unit_step, request.density_scale, "resolution.density_scale"
    else:
        binds = min(limits, key=lambda name: limits[name])
        step, scale = limits[binds], limits[binds] / unit_step
    tau = 3.0 * viscosity + 0.5
    numbers = _numbers(physics, dx, step, scale, viscosity)
    ends = tuple(0.5 + (tau - 0.5) * end / mu for end in (physics.thinnest, physics.thickest))
    _refuse(numbers, (ends[0], ends[1]), step, limits)
    return Scales(dx, step, scale, tau, binds, limits, numbers)


def _limits(p: Physics, request: Request, viscosity: float, unit_step: float) -> dict[str, float]:
    dx, mu, thin = request.spacing, p.viscosity, p.thinnest
    limits = {"Reynolds number": request.max_reynolds * unit_step / max(p.density * p.speed * p.length / mu, 1e-30)}
    limits["Mach number"] = LARGEST_SPEED * dx / max(p.peak_speed, 1e-30)
    limits["density change"] = LARGEST_DENSITY_CHANGE * mu / (3.0 * viscosity * max(p.pressure, 1e-30))
    if request.largest_scale < float("inf"):
        limits["true inertia"] = request.largest_scale * unit_step
    if p.tension:
        limits["membrane stiffness"] = STIFFNESS_NUMBER * thin * dx / p.tension
    if p.volume_modulus:
        limits["volume stiffness"] = VOLUME_STIFFNESS * mu / (viscosity * p.volume_modulus)
    if p.bending:
        limits["bending stiffness"] = STIFFNESS_NUMBER * thin * dx**3 / p.bending
    if p.contact:
        limits["wall repulsion"] = thin / (p.contact * dx)
    if p.cortical:
        limits["Laplace number"] = LARGEST_LAPLACE * thin**2 / (p.density * p.cortical * p.radius) * unit_step
    return limits


def _numbers(p: Physics, dx: float, step: float, scale: float, viscosity: float) -> dict[str, float]:
    rho, mu = p.density * scale, p.viscosity
    shear = WALL_SHEAR * p.speed / p.length
    return {
        "reynolds": rho * p.speed * p.length / mu,
        "reynolds_physical": p.density * p.speed * p.length / mu,
        "mach": p.peak_speed * step / dx * 3.0**0.5,
        "density_change": 3.0 * p.pressure * step * step / (rho * dx * dx),
        "wall_shear_rate": shear,
        "capillary": mu * shear * p.radius / p.shear_modulus if p.shear_modulus else 0.0,
        "capillary_tension": mu * p.speed / p.cortical if p.cortical else 0.0,
        "laplace": rho * p.cortical * p.radius / mu**2 if p.cortical else 0.0,
        "viscosity_lattice": viscosity,
        "relaxation_time_thinnest": 0.5 + 3.0 * viscosity * p.thinnest / mu,
        "relaxation_time_thickest": 0.5 + 3.0 * viscosity * p.thickest / mu,
    }


def _refuse(numbers: dict[str, float], taus: tuple[float, float], step: float, limits: dict[str, float]) -> None:
    safe = min(limits.values())
    low, high = RELAXATION_TIMES
    if not (taus[0] >= low and taus[1] <= high * (1.0 + 1e-9)):
        middle = ((taus[0] - 0.5) * (taus[1] - 0.5)) ** 0.5
        said = f"{taus[0]:.4g}" if taus[0] == taus[1] else f"{taus[0]:.4g} (thinnest) to {taus[1]:.4g} (at rest)"
        if (taus[1] - 0.5) / (taus[0] - 0.5) > (high - 0.5) / (low - 0.5):
            raise InputError(
                f"flow.rheology: the viscosity at rest is {(taus[1] - 0.5) / (taus[0] - 0.5):.3g} times that at high shear rates; "
                f"the lattice can hold a factor of {(high - 0.5) / (low - 0.5):.3g}: raise infinite_shear_viscosity"
            )
        raise InputError(
            f"resolution: the relaxation time comes out as {said}, outside of {low:g} to {high:g}: with this time step and density "
            f"scale choose a time step near {step * 0.5 / middle:.3g} s for a relaxation time of 1"
        )
    if numbers["mach"] > LARGEST_MACH:
        raise InputError(
            f"resolution: Mach {numbers['mach']:.3g} on the lattice is above {LARGEST_MACH}: choose a time step below {safe:.3g} s"
        )
    if numbers["density_change"] > 0.3:
        raise InputError(
            f"resolution: the pressure difference would change the lattice density by {numbers['density_change']:.0%}: choose a time step "
            f"below {limits['density change']:.3g} s or a larger node spacing"
        )
    hard = 3.0 * min((v for k, v in limits.items() if "stiffness" in k), default=float("inf"))
    if step > hard:
        raise InputError(
            f"resolution: a time step of {step:.3g} s is unstable for this membrane: choose one below {hard / 3:.3g} s"
        )
