"""Runners for the entry of a cell of constant cortical tension into a pore or a pipette, at rest: the critical pressure.

The cell of the membrane module leans on the wall of the mouth; the volume that has gone in is given, step by step, and the
pressure difference that holds it there is what comes out. Its largest value is what a cell must be pushed with to pass.
There is no fluid: the wall is not wetted, the suction waits. Lengths are in micrometres, tension 1 uN/m.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow.cells.equilibrium import Equilibrium, Surroundings, slid_equilibrium
from hemoflow.cells.membrane import build_membrane
from hemoflow.cells.surface import Surface, icosphere
from hemoflow.cells.surface import area as surface_area
from hemoflow.errors import InputError
from hemoflow.validate.flow import in_precision, number
from hemoflow.validate.mouth import Mouth, Suction, Together
from hemoflow.validate.record import ByNames, Measurement, Settings

Params = dict[str, str]
Floats = NDArray[np.float64]
Runner = Callable[[Params, Settings], Measurement]

EDGE = 0.05
"""Radius of the mouth's edge over the half width of the pore."""

FINER = 0.6
"""Triangles at the front have this size where those of an even mesh would have 1, in the mean over the sphere; at the back its inverse."""

SOFT = 1e-3
"""Depth over the half width to which the pressure of the cell pushes it into the wall."""

SQUEEZE = 0.04
"""Part of its radius by which a tube narrows in a step."""

UNITS = {"um": 1.0, "m": 1e6, "nm": 1e-3, "mm": 1e3}


def length(params: Params, name: str) -> float:
    """A length in um, from "7.5um" or "4e-06" (m)."""
    found = re.fullmatch(r"([-+0-9.eE]*[0-9.])\s*([a-z]*)", params.get(name, "").strip())
    try:
        assert found is not None
        value = float(found[1]) * UNITS[found[2] or "m"]
    except (AssertionError, KeyError, ValueError) as error:
        raise InputError(
            f"entry needs {name} as a length such as 7.5um, found {params.get(name, 'nothing')!r}"
        ) from error
    return value


def graded_sphere(frequency: int, radius: float, finer: float) -> Surface:
    """A sphere of 10 n^2 + 2 vertices whose triangles are `finer` times as large at its pole +x, and shaped as they were.

    The map of the sphere on itself that scales its stereographic picture from -x keeps angles.
    """
    even = icosphere(frequency)
    x, across = even.vertices[:, 0], even.vertices[:, 1:]
    picture = finer * across / np.maximum(1.0 + x, 1e-12)[:, None]
    square = (picture**2).sum(axis=1)
    points = np.column_stack([(1.0 - square) / (1.0 + square), 2.0 * picture / (1.0 + square)[:, None]])
    points[x < -1.0 + 1e-9] = [-1.0, 0.0, 0.0]
    return Surface(radius * points, even.faces)


@dataclass(frozen=True)
class Entry:
    """Suctions (n,) (in uN/m per um times the tension) that hold the volumes (n,) in um^3 beyond the mouth."""

    volumes: Floats
    suctions: Floats
    vertices: int
    evaluations: int
    shapes: tuple[Floats, ...]
    faces: NDArray[np.int32]

    @property
    def critical(self) -> float:
        """The largest suction: of the parabola through the largest of the points and its neighbours."""
        k = int(np.clip(np.argmax(self.suctions), 1, len(self.suctions) - 2))
        curve = np.polyfit(self.volumes[k - 1 : k + 2], self.suctions[k - 1 : k + 2], 2)
        if curve[0] >= 0.0:
            return float(self.suctions.max())
        return float(max(self.suctions[k], np.polyval(curve, -0.5 * curve[1] / curve[0])))


def drawn_in(radius: float, half: float, shape: str, frequency: int, filled: Floats) -> Entry:
    """Draw a cell of unit tension and `radius` into a mouth; `filled` are the volumes beyond it over `half`^3."""
    sphere = graded_sphere(frequency, radius, FINER)
    membrane = build_membrane(
        sphere, "none", "none", "float64", cortical_tension=1.0, volume_modulus=400.0 / radius,
        rest_volume=4.0 / 3.0 * np.pi * radius**3,
    )  # fmt: skip
    x = sphere.vertices - [np.sqrt(max(radius**2 - half**2, 0.0)), 0.0, 0.0]
    volumes, suctions, shapes, evaluations = half**3 * filled, [], [], 0
    spacing = half / 12.0
    for wanted in volumes:
        share = membrane.vertex_areas(jnp.asarray(x)[None])[0]
        pore = Mouth(jnp.asarray(half), jnp.asarray(EDGE * half), jnp.asarray(2.0 / (SOFT * half**2)), share, shape)
        suction = Suction(
            jnp.asarray(wanted), jnp.asarray(8.0 / half**4), jnp.asarray(spacing), jnp.asarray(sphere.faces)
        )
        found = slid_equilibrium(membrane, x, Surroundings(potential=Together((pore, suction))), 1e-3 * spacing)
        x, evaluations = found.positions, evaluations + found.evaluations
        suctions.append(float(suction.pressure(jnp.asarray(x))))
        shapes.append(x)
    return Entry(volumes, np.asarray(suctions), len(x), evaluations, tuple(shapes), sphere.faces)


VOLUMES = {"round": np.linspace(1.9, 3.1, 5), "square": np.linspace(2.5, 6.5, 5)}
"""Volumes beyond the mouth, over the half width cubed, between which the critical one lies; a half ball is 2.1."""

PLUGS = {"round": 2.0 * np.pi / 3.0, "square": 4.0}
"""Volume ahead over the half width cubed when the suction is critical, to say how large a cell has which radius outside then."""


def critical(shape: str, name: str, conserving: bool) -> Runner:
    """Largest suction in Pa of a cell of tension `T` (N/m) at a pore whose width (or radius, where `name` is Rp) is given.

    `R` is the cell's radius before it enters where `conserving`, else that of the part outside when the suction is critical.
    """

    def runner(params: Params, settings: Settings) -> Measurement:
        radius, half = length(params, "R"), length(params, name) * (1.0 if name == "Rp" else 0.5)
        tension = number(params, "T")
        if not 0.0 < half < 0.95 * radius:
            raise InputError(f"{name}={params[name]}, R={params['R']}: the pore must be narrower than the cell by 5 %")
        size = radius if conserving else whole_radius(radius, half, shape)
        entry = _entry(size, half, shape, 12 if settings.quick else 20)
        about = f"{entry.vertices} vertices, at rest, no fluid"
        return Measurement(1e6 * tension * entry.critical, about, entry.vertices * entry.evaluations)

    return runner


def whole_radius(outside: float, half: float, shape: str) -> float:
    """Radius of the cell whose part outside is a ball of radius `outside` on the mouth while the plug of `PLUGS` is in."""
    mouth = half if shape == "round" else np.sqrt(4.0 / np.pi) * half
    height = outside - np.sqrt(max(outside**2 - mouth**2, 0.0))
    cap = np.pi * height**2 * (outside - height / 3.0)
    ahead = PLUGS[shape] * half**3 + np.pi * mouth**2 * EDGE * half
    return float(np.cbrt(outside**3 + 3.0 * (ahead - cap) / (4.0 * np.pi)))


@cache
def _entry(radius: float, half: float, shape: str, frequency: int) -> Entry:
    with jax.enable_x64(True):
        return drawn_in(radius, half, shape, frequency, VOLUMES[shape])


def smallest_tube(area_wanted: str, volume_wanted: str) -> Runner:
    """Diameter (um) of the narrowest tube that a cell of an area (um^2) and a volume (um^3) fits in.

    In a tube of given radius the area is the least that holds the volume; that of the membrane at constant tension.
    """

    def runner(params: Params, settings: Settings) -> Measurement:
        wanted, held = float(area_wanted), float(volume_wanted)
        ball = float(np.cbrt(3.0 * held / (4.0 * np.pi)))
        if not wanted > 1.01 * 4.0 * np.pi * ball**2:
            raise InputError(
                f"A={wanted:g}, V={held:g}: a ball of that volume has the area {4.0 * np.pi * ball**2:.4g}"
            )
        cell = icosphere(12 if settings.quick else 20, ball)
        x, radii, areas, count = (
            cell.vertices + [3.0 * ball, 0.0, 0.0],
            [ball],
            [surface_area(cell.vertices, cell.faces)],
            0,
        )
        while areas[-1] < wanted:
            radii.append((1.0 - SQUEEZE) * radii[-1])
            found = _squeezed(cell, x, radii[-1])
            x, count = found.positions, count + found.evaluations
            areas.append(surface_area(x, cell.faces))
        narrowest = float(np.interp(wanted, areas, radii))
        return Measurement(2.0 * narrowest, f"{len(x)} vertices, at rest, no fluid", count * len(x))

    return runner


def _squeezed(cell: Surface, x: Floats, radius: float) -> Equilibrium:
    """A cell of constant tension and the volume of `cell`, in a tube along x, from the shape x (V, 3) on."""
    with jax.enable_x64(True):
        membrane = build_membrane(cell, "none", "none", "float64", cortical_tension=1.0, volume_modulus=400.0 / radius)
        share = membrane.vertex_areas(jnp.asarray(x)[None])[0]
        tube = Mouth(jnp.asarray(radius), jnp.asarray(0.0), jnp.asarray(1.0 / (SOFT * radius**2)), share, "round")
        spacing = np.sqrt(4.0 * np.pi / len(x)) * radius
        return slid_equilibrium(membrane, x, Surroundings(potential=tube), 1e-3 * spacing, 2)


RUNNERS: dict[tuple[str, str], Runner | ByNames] = {
    ("laplace_pcrit", "dPc"): in_precision(critical("round", "D", False)),
    ("laplace_pcrit", "dPc volcons"): in_precision(critical("round", "D", True)),
    ("laplace_pcrit", "dPc square side w=D"): in_precision(critical("square", "D", False)),
    ("micropipette", "dPc"): in_precision(critical("round", "Rp", False)),
    ("rbc_constants", "diameter min tube (A=*,V=*)"): ByNames(smallest_tube),
}
"""Runner of every quantity of a cell of constant tension at rest in a pore."""
