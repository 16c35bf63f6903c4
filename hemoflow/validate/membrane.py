"""Runners for the tables of membrane mechanics: each measures on real meshes what a simulation computes.

Nothing here knows the closed formulas of the tables: tensions are read off nodal forces, pressures off the virtual
work of an inflated mesh, the uniaxial state is relaxed until the free side carries no force.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy.optimize import brentq

from hemoflow.cells import surface
from hemoflow.cells.membrane import Membrane, build_membrane
from hemoflow.cells.surface import Surface
from hemoflow.errors import InputError
from hemoflow.validate.record import Measurement, Settings

Params = dict[str, str]
LAWS = {"nh": "neo-hookean", "neo-hookean": "neo-hookean", "skalak": "skalak", "sk": "skalak"}
_energy = jax.jit(lambda membrane, x: membrane.energy(x))
_forces = jax.jit(lambda membrane, x: membrane.forces(x))
_volume = jax.jit(lambda membrane, x: membrane.volume(x[None])[0])


def _double(values: Array) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _number(params: Params, name: str, default: float | None = None) -> float:
    if name in params:
        return float(params[name])
    if default is None:
        raise InputError(f"the case needs {name}=..., it has {', '.join(params) or 'no parameters'}")
    return default


def _law(params: Params) -> str:
    name = params.get("law", "Skalak").lower()
    if name not in LAWS:
        raise InputError(f"law={params['law']} is not one of NH, Skalak")
    return LAWS[name]


class _Patch:
    """A unit square of two triangles with shear modulus 1; corners (0,0), (1,0), (1,1), (0,1)."""

    def __init__(self, params: Params, settings: Settings) -> None:
        corners = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]])
        self.rest = Surface(corners, np.array([[0, 1, 2], [0, 2, 3]], dtype=np.int32))
        self.precision = settings.precision
        self.membrane = build_membrane(
            self.rest, _law(params), "none", settings.precision, closed=False,
            shear_modulus=1.0, area_dilation=_number(params, "C", 1.0),
        )  # fmt: skip
        self.evaluations = 0

    def deformed(self, gradient: list[list[float]]) -> Array:
        """Corners after the plane deformation with this gradient (2, 2)."""
        x = self.rest.vertices.copy()
        x[:, :2] = x[:, :2] @ np.array(gradient).T
        return jnp.asarray(x, self.precision)

    def energy(self, gradient: list[list[float]]) -> float:
        """Energy per reference area."""
        self.evaluations += 4
        return float(_energy(self.membrane, self.deformed(gradient)))

    def tensions(self, l1: float, l2: float) -> tuple[float, float]:
        """Force per deformed length across the sides x = l1 and y = l2, from the nodal forces."""
        self.evaluations += 4
        force = np.asarray(_forces(self.membrane, self.deformed([[l1, 0.0], [0.0, l2]])), dtype=np.float64)
        return -float(force[[1, 2], 0].sum()) / l2, -float(force[[2, 3], 1].sum()) / l1

    def uniaxial(self, l1: float) -> float:
        """The stretch l2 at which the side y = l2 is free, found by relaxing it."""
        high = 2.0
        while self.tensions(l1, high)[1] < 0.0 and high < 1e3:
            high *= 1.5
        low = 0.5
        while self.tensions(l1, low)[1] > 0.0 and low > 1e-3:
            low *= 0.7
        return float(brentq(lambda l2: self.tensions(l1, l2)[1] * l1, low, high, xtol=1e-14, rtol=1e-14))

    def measurement(self, value: float) -> Measurement:
        """What to report."""
        return Measurement(value, "patch of 2 triangles", self.evaluations)


def isotropic_energy(params: Params, settings: Settings) -> Measurement:
    """W of a patch stretched by l in both directions."""
    patch, stretch = _Patch(params, settings), _number(params, "l")
    return patch.measurement(patch.energy([[stretch, 0.0], [0.0, stretch]]))


def isotropic_tension(params: Params, settings: Settings) -> Measurement:
    """T of a patch stretched by l in both directions."""
    patch, stretch = _Patch(params, settings), _number(params, "l")
    return patch.measurement(patch.tensions(stretch, stretch)[0])


def uniaxial_tension(params: Params, settings: Settings) -> Measurement:
    """T1 of a patch stretched by l1 whose other sides are free."""
    patch, stretch = _Patch(params, settings), _number(params, "l1")
    return patch.measurement(patch.tensions(stretch, patch.uniaxial(stretch))[0])


def uniaxial_stretch(params: Params, settings: Settings) -> Measurement:
    """The transverse stretch of the same patch."""
    patch = _Patch(params, settings)
    return patch.measurement(patch.uniaxial(_number(params, "l1")))


def shear_energy(params: Params, settings: Settings) -> Measurement:
    """W of a patch in simple shear."""
    patch = _Patch(params, settings)
    return patch.measurement(patch.energy([[1.0, _number(params, "gamma")], [0.0, 1.0]]))


def inflation_pressure(params: Params, settings: Settings) -> Measurement:
    """p a0/G of a sphere inflated by l: work of the nodal forces over the change of volume as it grows."""
    sphere = surface.icosphere(int(_number(params, "frequency", 8 if settings.quick else 16)))
    membrane = build_membrane(
        sphere, _law(params), "none", settings.precision, shear_modulus=1.0, area_dilation=_number(params, "C", 1.0)
    )
    x = jnp.asarray(sphere.vertices * _number(params, "l"), settings.precision)
    work = -float((_double(_forces(membrane, x)) * _double(x)).sum())
    return Measurement(work / (3.0 * float(_volume(membrane, x))), _faces(sphere), len(sphere.vertices))


def rigid_motion_force(params: Params, settings: Settings) -> Measurement:
    """Largest nodal force of an unstressed capsule after a rotation and a translation."""
    sphere, worst = surface.icosphere(8), 0.0
    rotation = np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
    rotation *= np.linalg.det(rotation)
    moved = jnp.asarray(sphere.vertices @ rotation.T + np.array([3.0, -7.0, 11.0]), settings.precision)
    laws = [_law(params)] if "law" in params else ["neo-hookean", "skalak"]
    for law in laws:
        membrane = build_membrane(
            sphere, law, "none", settings.precision,
            shear_modulus=1.0, area_dilation=1.0, area_modulus=1.0, volume_modulus=1.0,
        )  # fmt: skip
        worst = max(worst, float(np.abs(_double(_forces(membrane, moved))).max()))
    return Measurement(worst, _faces(sphere), len(laws) * len(sphere.vertices))


def _loaded_capsules(params: Params, settings: Settings) -> list[tuple[Membrane, Array]]:
    """Strongly deformed capsules with every term switched on: each law and each bending model occurs."""
    sphere = surface.icosphere(8)
    noise = 0.01 * np.random.default_rng(7).normal(size=sphere.vertices.shape)
    x = jnp.asarray(sphere.vertices * np.array([1.3, 1.0, 0.8]) + noise + 2.0, settings.precision)
    laws = [_law(params)] if "law" in params else ["neo-hookean", "skalak"]
    moduli: dict[str, Any] = {
        "shear_modulus": 1.0, "area_dilation": 1.0, "bending_modulus": 0.01, "spontaneous_curvature": 1.0,
        "cortical_tension": 0.3, "area_modulus": 1.0, "volume_modulus": 1.0,
    }  # fmt: skip
    models = ("helfrich", "hinge")
    pairs = [(laws[0], bending) for bending in models] if len(laws) == 1 else zip(laws, models, strict=True)
    return [(build_membrane(sphere, law, bending, settings.precision, **moduli), x) for law, bending in pairs]


def net_force_and_torque(params: Params, settings: Settings) -> Measurement:
    """The larger of |sum F| and |sum r x F| of a strongly deformed capsule."""
    worst, updates = 0.0, 0
    for membrane, x in _loaded_capsules(params, settings):
        force, place = _double(_forces(membrane, x)), _double(x)
        torque = np.cross(place - place.mean(axis=0), force)
        worst = max(worst, float(np.linalg.norm(force.sum(axis=0))), float(np.linalg.norm(torque.sum(axis=0))))
        updates += len(x)
    return Measurement(worst, "1280 faces", updates)


def energy_consistency(params: Params, settings: Settings) -> Measurement:
    """Largest difference of force and central difference of the energy along random directions, over the force."""
    rng, worst, updates = np.random.default_rng(9), 0.0, 0
    for membrane, x in _loaded_capsules(params, settings):
        force, place = _double(_forces(membrane, x)), _double(x)
        errors, sizes = [], []
        for _ in range(12):
            way = rng.normal(size=place.shape)
            way *= 1e-5 / np.linalg.norm(way)
            high, low = (float(_energy(membrane, jnp.asarray(place + s * way, x.dtype))) for s in (1.0, -1.0))
            along = float((force * way).sum()) / 1e-5
            errors.append(abs(along + (high - low) / 2e-5))
            sizes.append(abs(along))
            updates += 2 * len(x)
        worst = max(worst, max(errors) / max(sizes))
    return Measurement(worst, "1280 faces", updates)


def _shape(params: Params, settings: Settings) -> Surface:
    """The mesh a case asks for: shape=sphere|icosphere|spheroid|discocyte, a:b:c, frequency."""
    kind = params.get("shape", "icosphere")
    base = 8 if settings.quick else 16
    if kind in ("sphere", "icosphere"):
        return surface.icosphere(int(_number(params, "frequency", base)))
    if kind == "spheroid":
        axes = [float(part) for part in params["a:b:c"].split(":")]
        slender = min(max(max(axes) / min(axes) / 2.0, 1.0), 6.0)
        return surface.spheroid(int(_number(params, "frequency", round(base * slender))), (axes[0], axes[1], axes[2]))
    if kind == "discocyte":
        return surface.discocyte(int(_number(params, "frequency", 2 * base)))
    raise InputError(f"shape={kind} is not one of sphere, icosphere, spheroid, discocyte")


def _faces(shape: Surface) -> str:
    return f"{len(shape.faces)} faces"


def bending_energy(params: Params, settings: Settings) -> Measurement:
    """Helfrich energy over 8 pi kappa."""
    shape = _shape(params, settings)
    membrane = build_membrane(
        shape, "none", "helfrich", settings.precision,
        bending_modulus=1.0, spontaneous_curvature=_number(params, "c0", 0.0),
    )  # fmt: skip
    value = float(_energy(membrane, jnp.asarray(shape.vertices, settings.precision)))
    return Measurement(value / (8.0 * math.pi), _faces(shape), len(shape.vertices))


def hinge_energy(params: Params, settings: Settings) -> Measurement:
    """Energy of the hinge model over kappa."""
    shape = _shape(params, settings)
    modulus = _number(params, "k_b/kappa")
    membrane = build_membrane(shape, "none", "hinge", settings.precision, bending_modulus=modulus)
    value = float(_energy(membrane, jnp.asarray(shape.vertices, settings.precision)))
    return Measurement(value, _faces(shape), len(shape.vertices))


def _geometric(measure: Callable[[Surface], float]) -> Callable[[Params, Settings], Measurement]:
    def runner(params: Params, settings: Settings) -> Measurement:
        shape = _shape(params, settings)
        return Measurement(measure(shape), _faces(shape), len(shape.vertices))

    return runner


RUNNERS: dict[tuple[str, str], Callable[[Params, Settings], Measurement]] = {
    ("membrane_unit", "W (isotropic)"): isotropic_energy,
    ("membrane_unit", "T (isotropic)"): isotropic_tension,
    ("membrane_unit", "p a0/G of inflated sphere (=2T/l)"): inflation_pressure,
    ("membrane_unit", "T1 (uniaxial, T2=0)"): uniaxial_tension,
    ("membrane_unit", "l2 (uniaxial)"): uniaxial_stretch,
    ("membrane_unit", "W (simple shear)"): shear_energy,
    ("membrane_unit", "max |nodal force| after rigid rotation+translation"): rigid_motion_force,
    ("membrane_unit", "|sum F|, |sum r x F|"): net_force_and_torque,
    ("membrane_unit", "|F + dE/dx| finite difference"): energy_consistency,
    ("membrane_unit", "area/area_sphere"): _geometric(lambda s: surface.area(s.vertices, s.faces) / (4.0 * math.pi)),
    ("membrane_unit", "volume/volume_sphere"): _geometric(
        lambda s: surface.volume(s.vertices, s.faces) / (4.0 * math.pi / 3.0)
    ),
    ("membrane_unit", "n_vertices"): _geometric(lambda s: float(len(s.vertices))),
    ("membrane_unit", "n_faces"): _geometric(lambda s: float(len(s.faces))),
    ("membrane_bending", "E/(8 pi kappa)"): bending_energy,
    ("membrane_bending", "reduced volume"): _geometric(lambda s: surface.reduced_volume(s.vertices, s.faces)),
    ("membrane_bending", "E/kappa hinge k_b=2k/sqrt3 on sphere"): hinge_energy,
}
"""Runner of every quantity of the two tables."""
