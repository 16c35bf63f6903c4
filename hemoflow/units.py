"""Between SI and lattice units: the only place where either becomes the other.

The lattice measures lengths in node spacings, times in steps and densities in the fluid's (scaled) density. Tensions,
pressures and viscosities keep their true SI values at any density scale; only inertia is exaggerated.
"""

from __future__ import annotations

from dataclasses import dataclass

DENSITY_PER_PRESSURE = 3.0
"""Lattice density deviation per lattice pressure: p = c_s^2 (rho - 1) with c_s^2 = 1/3."""


@dataclass(frozen=True)
class UnitSystem:
    """`dx` node spacing (m), `dt` time step (s), `rho` density of the simulated fluid (kg/m^3, density scale included).

    Every unit attribute is the SI value of one lattice unit: divide by it to enter the lattice, multiply to leave.
    """

    dx: float
    dt: float
    rho: float

    @property
    def velocity(self) -> float:
        """m/s."""
        return self.dx / self.dt

    @property
    def pressure(self) -> float:
        """Pa; also of stresses and energy densities."""
        return self.rho * self.velocity**2

    @property
    def sound_modulus(self) -> float:
        """Bulk modulus of the lattice's fluid, density times the speed of sound squared, Pa."""
        return self.pressure / DENSITY_PER_PRESSURE

    @property
    def force(self) -> float:
        """N."""
        return self.pressure * self.dx**2

    @property
    def force_density(self) -> float:
        """N/m^3."""
        return self.pressure / self.dx

    @property
    def tension(self) -> float:
        """N/m."""
        return self.pressure * self.dx

    @property
    def energy(self) -> float:
        """J."""
        return self.pressure * self.dx**3

    @property
    def viscosity(self) -> float:
        """Dynamic viscosity, Pa s."""
        return self.pressure * self.dt

    @property
    def area(self) -> float:
        """m^2."""
        return self.dx**2

    @property
    def volume(self) -> float:
        """m^3."""
        return self.dx**3

    @property
    def flow_rate(self) -> float:
        """m^3/s."""
        return self.dx**3 / self.dt

    def density_deviation(self, pressure: float) -> float:
        """Lattice density deviation that stands for a pressure in Pa above the reference."""
        return DENSITY_PER_PRESSURE * pressure / self.pressure

    def pressure_of(self, deviation: float) -> float:
        """Pressure (Pa) above the reference of a lattice density deviation."""
        return deviation * self.pressure / DENSITY_PER_PRESSURE
