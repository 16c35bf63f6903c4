"""The mechanics of a batch of cells that share one mesh: energies that add, and the force as their gradient.

The force on a vertex is minus the gradient of the energy. It is assembled from per-triangle and per-edge gradients
(themselves by automatic differentiation) gathered into vertices in a fixed order: several times faster on a CPU than
the scatter-adds that differentiating the total energy makes, and bitwise reproducible. Both ways are compared to
round-off in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from hemoflow.cells import bending, compiled, elasticity, enclosure
from hemoflow.cells.elasticity import ReferenceShape
from hemoflow.cells.mesh import Mesh, device_mesh, vertex_areas, vertex_sums
from hemoflow.cells.redistribution import tangential_shift
from hemoflow.cells.surface import Surface, area, volume
from hemoflow.cells.topology import build_topology
from hemoflow.cells.vectors import Vector, collect, corners, cross, gather_sum, subtract
from hemoflow.errors import InputError


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class MembraneParameters:
    """Parameters of C cells, each (C,), in lattice units (or any consistent units).

    shear_modulus G; area_dilation C of Skalak's law (a number); bending_modulus kappa, or k_b of the hinge model;
    spontaneous_curvature c0 (sum of both principal curvatures: 2/a for a sphere of radius a); cortical_tension T;
    area_modulus K_A (global area, force per length); volume_modulus K_V (pressure); rest_area; rest_volume;
    rest_pressure p0 inside minus outside at the rest volume; scale: size of the stress-free shape over that of the
    surface the mesh was built from; local_area_modulus K_a of every triangle (force per length); area_reserve r: areal
    strain that both area terms leave free.
    """

    shear_modulus: Array
    area_dilation: Array
    bending_modulus: Array
    spontaneous_curvature: Array
    cortical_tension: Array
    area_modulus: Array
    volume_modulus: Array
    rest_area: Array
    rest_volume: Array
    rest_pressure: Array
    scale: Array
    local_area_modulus: Array
    area_reserve: Array


@dataclass(frozen=True)
class Membrane:
    """C cells with one mesh, one elastic law and one bending model; positions are always (C, V, 3).

    `reference`: stress-free triangles of the surface the mesh was built from. `rest_angle` (E,): hinge model only.
    `law` and `bending` are static (see `elasticity.LAWS`, `bending.MODELS`). `native`: forces come from a compiled kernel,
    which cannot be differentiated. Build one with `build_membrane`.
    """

    mesh: Mesh
    reference: ReferenceShape
    rest_angle: Array
    parameters: MembraneParameters
    law: str
    bending: str
    native: bool = False

    def terms(self, x: Array) -> dict[str, Array]:
        """Energy of every term, each (C,): elastic, bending, cortex, area, volume; elastic has the local area in it."""
        p, triangle = self.parameters, self._triangles(x)
        total_area = enclosure.face_area(*triangle).sum(axis=-1)
        total_volume = enclosure.face_volume(*triangle).sum(axis=-1)
        return {
            "elastic": (self._elastic_density(triangle) * self._reference_area()).sum(axis=-1),
            "bending": self._bending_energy(x, triangle),
            "cortex": enclosure.tension_energy(total_area, p.rest_area, p.cortical_tension),
            "area": enclosure.area_energy(total_area, p.rest_area, p.area_modulus, p.area_reserve),
            "volume": enclosure.volume_energy(total_volume, p.rest_volume, p.volume_modulus, p.rest_pressure),
        }

    def energy(self, x: Array) -> Array:
        """Total energy (C,) of cells at x (C, V, 3); a scalar for one cell given as (V, 3)."""
        if x.ndim == 2:
            return self.energy(x[None])[0]
        return sum(self.terms(x).values(), start=jnp.zeros((), x.dtype))

    def forces(self, x: Array) -> Array:
        """Force on every vertex, minus the gradient of the energy: x (C, V, 3) -> (C, V, 3), or (V, 3) -> (V, 3)."""
        if x.ndim == 2:
            return self.forces(x[None])[0]
        if self.native:
            values = [getattr(self.parameters, field.name) for field in fields(self.parameters)]
            return compiled.forces(self.mesh, (self.law, self.bending), self.reference, self.rest_angle, x, values)
        triangle = self._triangles(x)
        areas = enclosure.face_area(*triangle)
        tension, pressure = self._isotropic_loads(areas, triangle)
        if self.bending == "none":
            return -self._face_gradient(triangle, tension, pressure)
        hinge = corners(x - _middle(x), self.mesh.edges)
        if self.bending == "hinge":
            return -self._face_gradient(triangle, tension, pressure) - self._hinge_gradient(hinge)
        bend, extra = self._bending_loads(hinge, areas)
        return -self._face_gradient(triangle, tension + extra, pressure) - collect(bend, self.mesh.vertex_edge_corners)

    def tensions(self, x: Array) -> tuple[Array, Array]:
        """Principal tensions of every face (C, F), the larger first: elastic, cortical, and of the global area."""
        p, triangle = self.parameters, self._triangles(x)
        i1, i2 = elasticity.strain_invariants(*triangle, self.reference, p.scale[:, None])
        t1, t2 = elasticity.principal_tensions(self.law, i1, i2, p.shear_modulus[:, None], p.area_dilation[:, None])
        isotropic = self._isotropic_loads(enclosure.face_area(*triangle), triangle)[0]
        strain = enclosure.beyond_reserve(elasticity.area_ratio(i2) - 1.0, p.area_reserve[:, None])
        isotropic = isotropic + p.local_area_modulus[:, None] * strain
        return jnp.maximum(t1, t2) + isotropic, jnp.minimum(t1, t2) + isotropic

    def areal_strain(self, x: Array) -> Array:
        """Area over reference area minus one, of every face (C, F); of the whole cell where no shear modulus ties the
        faces to material."""
        area, p = enclosure.face_area(*self._triangles(x)), self.parameters
        whole = area.sum(axis=-1) / p.rest_area - 1.0
        return jnp.where((p.shear_modulus > 0.0)[:, None], area / self._reference_area() - 1.0, whole[:, None])

    def pressure(self, x: Array) -> Array:
        """Pressure (C,) inside minus outside that the volume term stands for."""
        p = self.parameters
        return p.rest_pressure - p.volume_modulus * (self.volume(x) - p.rest_volume) / p.rest_volume

    def area(self, x: Array) -> Array:
        """Area (C,)."""
        return enclosure.face_area(*self._triangles(x)).sum(axis=-1)

    def volume(self, x: Array) -> Array:
        """Enclosed volume (C,)."""
        return enclosure.face_volume(*self._triangles(x)).sum(axis=-1)

    def centroid(self, x: Array) -> Array:
        """Centre of the enclosed volume (C, 3)."""
        triangle = self._triangles(x)
        part = enclosure.face_volume(*triangle)
        moment = [(part * (a + b + c)).sum(axis=-1) for a, b, c in zip(*triangle, strict=True)]
        return 0.25 * jnp.stack(moment, axis=-1) / part.sum(axis=-1)[:, None] + _middle(x)[:, 0]

    def vertex_areas(self, x: Array) -> Array:
        """A third of the area of the faces around each vertex (C, V): what a force per area acts on."""
        return vertex_areas(enclosure.face_area(*self._triangles(x)), self.mesh)

    def tangential_shift(self, x: Array) -> Array:
        """Displacement that evens out the mesh along the surface (see `redistribution`): (C, V, 3) or (V, 3)."""
        if x.ndim == 2:
            return self.tangential_shift(x[None])[0]
        return tangential_shift(x, self.mesh)

    def volume_shift(self, x: Array) -> Array:
        """Smallest displacement (C, V, 3) of x (C, V, 3) that restores the rest volume, to first order.

        A cell's inside cannot be compressed and its membrane lets no water through in these times; a membrane moved by interpolated
        velocities leaks a little all the same. The displacement is along the derivative of the volume by every vertex.
        """
        a, b, c = self._triangles(x)
        outward = vertex_sums(cross(subtract(b, a), subtract(c, a)), self.mesh) / 6.0
        missing = self.parameters.rest_volume - enclosure.face_volume(a, b, c).sum(axis=-1)
        return (missing / (outward * outward).sum(axis=(-2, -1)))[:, None, None] * outward

    def _triangles(self, x: Array) -> tuple[Vector, Vector, Vector]:
        a, b, c = corners(x - _middle(x), self.mesh.faces)
        return a, b, c

    def _reference_area(self) -> Array:
        return jnp.asarray(self.reference.area) * jnp.square(self.parameters.scale)[:, None]

    def _elastic_density(self, triangle: tuple[Vector, ...]) -> Array:
        p, (a, b, c) = self.parameters, triangle
        i1, i2 = elasticity.strain_invariants(a, b, c, self.reference, p.scale[:, None])
        strain = enclosure.beyond_reserve(elasticity.area_ratio(i2) - 1.0, p.area_reserve[:, None])
        local = 0.5 * p.local_area_modulus[:, None] * strain * strain
        return local + elasticity.energy_density(self.law, i1, i2, p.shear_modulus[:, None], p.area_dilation[:, None])

    def _isotropic_loads(self, areas: Array, triangle: tuple[Vector, Vector, Vector]) -> tuple[Array, Array]:
        """Derivatives (C, 1) of the energy by the total area and by the volume."""
        p = self.parameters
        stretch = enclosure.beyond_reserve((areas.sum(axis=-1) - p.rest_area) / p.rest_area, p.area_reserve)
        swelling = (enclosure.face_volume(*triangle).sum(axis=-1) - p.rest_volume) / p.rest_volume
        tension = p.cortical_tension + p.area_modulus * stretch
        return tension[:, None], (p.volume_modulus * swelling - p.rest_pressure)[:, None]

    def _face_gradient(self, triangle: tuple[Vector, ...], tension: Array, pressure: Array) -> Array:
        """Gradient (C, V, 3) of elastic energy + tension * area + pressure * volume, with the tension of every face."""
        rest = self._reference_area()

        def local(a: Vector, b: Vector, c: Vector) -> Array:
            isotropic = tension * enclosure.face_area(a, b, c) + pressure * enclosure.face_volume(a, b, c)
            return rest * self._elastic_density((a, b, c)) + isotropic

        gradient = _pull(local, triangle, jnp.ones_like(triangle[0][0]))
        return collect(gradient, self.mesh.vertex_corners)

    def _bending_loads(self, hinge: tuple[Vector, ...], areas: Array) -> tuple[tuple[Vector, ...], Array]:
        """Gradient of the Helfrich energy by the corners of every edge at fixed areas, and its derivative by the area
        of every face (C, F)."""
        p = self.parameters
        strips, pull = jax.vjp(bending.integrated_curvature, *hinge)
        curvature = 0.5 * gather_sum(strips, self.mesh.vertex_edges)
        modulus, spontaneous = p.bending_modulus[:, None], p.spontaneous_curvature[:, None]
        by_curvature, by_area = _pull2(
            lambda s, v: bending.helfrich_energy(s, v, modulus, spontaneous),
            curvature,
            vertex_areas(areas, self.mesh),
        )
        edge, face = self.mesh.edges, self.mesh.faces
        bend = 0.5 * (by_curvature[:, edge[:, 0]] + by_curvature[:, edge[:, 1]])
        return pull(bend), (by_area[:, face[:, 0]] + by_area[:, face[:, 1]] + by_area[:, face[:, 2]]) / 3.0

    def _hinge_gradient(self, hinge: tuple[Vector, ...]) -> Array:
        modulus, rest = self.parameters.bending_modulus[:, None], self.rest_angle
        gradient = _pull(
            lambda *q: bending.hinge_energy(bending.fold(*q)[1], rest, modulus), hinge, jnp.ones_like(hinge[0][0])
        )
        return collect(gradient, self.mesh.vertex_edge_corners)

    def _bending_energy(self, x: Array, triangle: tuple[Vector, Vector, Vector]) -> Array:
        p = self.parameters
        if self.bending == "none":
            return jnp.zeros_like(p.rest_area)
        hinge = corners(x - _middle(x), self.mesh.edges)
        if self.bending == "hinge":
            angle = bending.fold(*hinge)[1]
            return bending.hinge_energy(angle, self.rest_angle, p.bending_modulus[:, None]).sum(axis=-1)
        curvature = 0.5 * gather_sum(bending.integrated_curvature(*hinge), self.mesh.vertex_edges)
        share = vertex_areas(enclosure.face_area(*triangle), self.mesh)
        modulus, spontaneous = p.bending_modulus[:, None], p.spontaneous_curvature[:, None]
        return bending.helfrich_energy(curvature, share, modulus, spontaneous).sum(axis=-1)


jax.tree_util.register_dataclass(
    Membrane, data_fields=["mesh", "reference", "rest_angle", "parameters"], meta_fields=["law", "bending", "native"]
)


def build_membrane(
    surface: Surface,
    law: str = "skalak",
    bending_model: str = "helfrich",
    precision: str = "float32",
    closed: bool = True,
    native: bool = False,
    **parameters: ArrayLike,
) -> Membrane:
    """A membrane whose stress-free shape is `surface`, for C cells.

    `parameters`: fields of MembraneParameters, numbers or arrays (C,). What is not given is: no modulus (0), scale 1,
    rest area and volume those of the scaled surface, rest pressure 2 T/R with R the radius of the sphere of that
    volume. When `closed` is False the surface may have a border (a patch); it then encloses nothing. The hinge model
    rests flat (angle 0). `native` chooses the tier of the forces. Raises InputError for an unknown law, model or
    parameter, and for a surface that is not an oriented manifold.
    """
    if law not in elasticity.LAWS or bending_model not in bending.MODELS:
        raise InputError(
            f"membrane: law '{law}' must be one of {', '.join(elasticity.LAWS)} "
            f"and bending '{bending_model}' one of {', '.join(bending.MODELS)}"
        )
    topology = build_topology(surface, closed)
    reference = elasticity.reference_shape(surface.vertices, surface.faces)
    values = _complete(surface, closed, parameters)
    return Membrane(
        mesh=device_mesh(topology),
        reference=ReferenceShape(*(jnp.asarray(part, precision) for part in reference)),
        rest_angle=jnp.zeros(len(topology.edges), precision),
        parameters=MembraneParameters(**{k: jnp.asarray(v, precision) for k, v in values.items()}),
        law=law,
        bending=bending_model,
        native=native,
    )


def _complete(surface: Surface, closed: bool, given: dict[str, ArrayLike]) -> dict[str, np.ndarray]:
    """Every parameter as float64 (C,), defaults filled in."""
    names = [f.name for f in fields(MembraneParameters)]
    unknown = [name for name in given if name not in names]
    if unknown:
        raise InputError(f"membrane: no parameter {', '.join(unknown)}; the parameters are {', '.join(names)}")
    cells = np.broadcast_shapes((1,), *(np.shape(v) for v in given.values()))
    values = {name: np.broadcast_to(np.asarray(v, dtype=np.float64), cells) for name, v in given.items()}
    scale = values.setdefault("scale", np.ones(cells))
    values.setdefault("rest_area", area(surface.vertices, surface.faces) * scale**2)
    enclosed = volume(surface.vertices, surface.faces) if closed else 1.0
    rest_volume = values.setdefault("rest_volume", enclosed * scale**3)
    if closed and "cortical_tension" in values:
        radius = np.cbrt(3.0 * rest_volume / (4.0 * np.pi))
        values.setdefault("rest_pressure", 2.0 * values["cortical_tension"] / radius)
    return {name: values.get(name, np.zeros(cells)) for name in names}


def _middle(x: Array) -> Array:
    """A fixed point (C, 1, 3) near the cell: energies do not depend on it, float32 keeps its digits around it."""
    return jax.lax.stop_gradient(x.mean(axis=1, keepdims=True))


def _pull(function, points: tuple[Vector, ...], load: Array) -> tuple[Vector, ...]:  # type: ignore[no-untyped-def]
    """Gradient of sum(load * function(points)) for a function that treats every element by itself."""
    _, pull = jax.vjp(function, *points)
    return pull(load)


def _pull2(function, first: Array, second: Array) -> tuple[Array, Array]:  # type: ignore[no-untyped-def]
    _, pull = jax.vjp(function, first, second)
    return pull(jnp.ones_like(first))
