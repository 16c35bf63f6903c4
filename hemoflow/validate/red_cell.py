"""Runners for the red cell: what its template measures, and how the cell of the catalogue stretches under tweezers.

The stretched cell is that of the catalogue, membrane and all; forces pull at both ends until everything balances. There is no
fluid: the experiment waits until the cell is at rest. Micrometres, piconewtons, pascals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow.build.cells import cell_membrane
from hemoflow.cells import surface
from hemoflow.cells.catalogue import CATALOGUE
from hemoflow.cells.celltype import CellType
from hemoflow.cells.equilibrium import Surroundings, equilibrium
from hemoflow.cells.membrane import Membrane, build_membrane
from hemoflow.cells.surface import Surface, discocyte
from hemoflow.errors import InputError
from hemoflow.units import UnitSystem
from hemoflow.validate.record import Measurement, Settings

Params = dict[str, str]
Floats = NDArray[np.float64]
Runner = Callable[[Params, Settings], Measurement]

MICRO = UnitSystem(dx=1e-6, dt=1e-6, rho=1.0)
"""Micrometre, pascal and so piconewton, attojoule, micronewton per metre."""

CONTACT = 0.1
"""Part of the membrane at each end that the beads pull at. Where it was smaller the cell would be longer by some per cent."""

VOLUME_MODULUS = 1000.0
"""Pa: stands for the liquid inside, which cannot be compressed. The cell at rest under 200 pN is then 0.3 % too small."""

RAMP = 25.0
"""Forces grow in steps of at most this (pN), each from the shape at rest under the last."""


@dataclass(frozen=True)
class RedCell:
    """The red cell of the catalogue on a mesh of 10 n^2 + 2 vertices, in `MICRO` units."""

    kind: CellType
    template: Surface
    membrane: Membrane


@cache
def red_cell(frequency: int) -> RedCell:
    """The cell with n = `frequency`."""
    kind = CATALOGUE["red-cell"].with_values({"volume_modulus": VOLUME_MODULUS})
    template = discocyte(frequency, 0.5e6 * kind.value("diameter"))
    return RedCell(kind, template, cell_membrane(kind, template, MICRO, "float64"))


def _frequency(params: Params, settings: Settings, quick: int, full: int) -> int:
    wanted = int(params.get("vertices", "0"))
    return surface.frequency_for(wanted) if wanted else quick if settings.quick else full


def _template(measure: Callable[[Floats, NDArray[np.int32]], float]) -> Runner:
    def runner(params: Params, settings: Settings) -> Measurement:
        with jax.enable_x64(True):
            shape = red_cell(_frequency(params, settings, 16, 32)).template
        return Measurement(measure(shape.vertices, shape.faces), f"{len(shape.vertices)} vertices", len(shape.vertices))

    return runner


def thickness(vertices: Floats, faces: NDArray[np.int32], at_centre: bool) -> float:
    """Height of a flat cell along z, on its axis or where it is thickest."""
    near = np.hypot(vertices[:, 0], vertices[:, 1])
    chosen = vertices[near <= near.min() + 1e-9] if at_centre else vertices
    return float(np.ptp(chosen[:, 2]))


def bending_energy(params: Params, settings: Settings) -> Measurement:
    """Helfrich energy of the template over 8 pi kappa."""
    with jax.enable_x64(True):
        shape = red_cell(_frequency(params, settings, 16, 32)).template
        membrane = build_membrane(shape, "none", "helfrich", "float64", bending_modulus=1.0)
        value = float(membrane.energy(jnp.asarray(shape.vertices))) / (8.0 * np.pi)
    return Measurement(value, f"{len(shape.vertices)} vertices", len(shape.vertices))


def preset(name: str, factor: float) -> Runner:
    """Reports what the catalogue's red cell has, times a factor."""

    def runner(params: Params, settings: Settings) -> Measurement:
        return Measurement(CATALOGUE["red-cell"].value(name) * factor, "value of the catalogue")

    return runner


def young_modulus(params: Params, settings: Settings) -> Measurement:
    """Tension over stretch of a patch of the catalogue's membrane pulled a little along one side, the other sides free, uN/m."""
    from hemoflow.validate.membrane import uniaxial_tension

    kind, stretch = CATALOGUE["red-cell"], 1.0 + 1e-4
    patch = {"law": kind.law, "C": str(kind.value("area_dilation")), "l1": str(stretch)}
    with jax.enable_x64(True):
        found = uniaxial_tension(patch, Settings(settings.quick))
    modulus = found.value / (stretch - 1.0) * kind.value("shear_modulus") * 1e6
    return Measurement(modulus, found.resolution, found.node_updates)


def force_of(params: Params) -> float:
    """F of "38.3 pN" in pN."""
    try:
        value, _, unit = params["F"].partition(" ")
        return float(value) * {"": 1.0, "pN": 1.0, "nN": 1e3, "N": 1e12}[unit.strip()]
    except (KeyError, ValueError) as error:
        raise InputError(f'stretching needs F="38.3 pN", found {params.get("F", "nothing")!r}') from error


def _stretched(axis: int) -> Runner:
    def runner(params: Params, settings: Settings) -> Measurement:
        frequency = _frequency(params, settings, 8, 16)
        with jax.enable_x64(True):
            x, evaluations = stretch(frequency, force_of(params), float(params.get("contact", CONTACT)))
        return Measurement(float(np.ptp(x[:, axis])), f"{len(x)} vertices, at rest, no fluid", evaluations * len(x))

    return runner


@cache
def stretch(frequency: int, force: float, contact: float) -> tuple[Floats, int]:
    """Vertices at rest under `force` (pN) along x at both ends, and the evaluations it took from the last step on."""
    cell = red_cell(frequency)
    if force <= 0.0:
        start, step = cell.template.vertices, 0.0
    else:
        start, step = stretch(frequency, max(force - RAMP, 0.0), contact)[0], force
    found = equilibrium(cell.membrane, start, Surroundings(step * pull(cell, contact)))
    return found.positions, found.evaluations


def pull(cell: RedCell, contact: float) -> Floats:
    """A unit force (V, 3) outward along x on each end, spread evenly over the part `contact` of the vertices that is outermost."""
    x = cell.template.vertices[:, 0]
    count, order = max(1, round(contact * len(x))), np.argsort(x, kind="stable")
    out = np.zeros((len(x), 3))
    out[order[-count:], 0], out[order[:count], 0] = 1.0 / count, -1.0 / count
    return out


RUNNERS: dict[tuple[str, str], Runner] = {
    ("rbc_constants", "volume"): _template(surface.volume),
    ("rbc_constants", "area"): _template(surface.area),
    ("rbc_constants", "centre thickness"): _template(lambda v, f: thickness(v, f, True)),
    ("rbc_constants", "max thickness"): _template(lambda v, f: thickness(v, f, False)),
    ("rbc_constants", "reduced volume"): _template(surface.reduced_volume),
    ("rbc_constants", "Helfrich energy/(8 pi kappa)"): bending_energy,
    ("rbc_constants", "Young modulus Y0"): young_modulus,
    ("rbc_constants", "bending rigidity"): preset("bending_modulus", 1.0),
    ("rbc_constants", "membrane viscosity (2-D value quoted)"): preset("membrane_viscosity", 1e6),
    ("rbc_constants", "shear modulus G_s"): preset("shear_modulus", 1e6),
    ("rbc_stretching", "D_A"): _stretched(0),
    ("rbc_stretching", "D_T"): _stretched(1),
}
"""Runner of every quantity of a red cell at rest."""
