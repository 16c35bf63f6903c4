"""Template surfaces are closed, look outward, and have the size and shape that their names promise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hemoflow.cells.surface import (
    Surface,
    area,
    discocyte,
    face_areas,
    frequency_for,
    icosphere,
    reduced_volume,
    spheroid,
    vertex_normals,
    volume,
)
from hemoflow.cells.topology import build_topology, check_surface
from hemoflow.errors import InputError

CUBE = np.array([[x, y, z] for x in (0.0, 1.0) for y in (0.0, 1.0) for z in (0.0, 1.0)])


def tetrahedron() -> Surface:
    return Surface(CUBE[[0, 4, 2, 1]], np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]], dtype=np.int32))


@pytest.mark.parametrize("frequency", [1, 2, 3, 5, 8])
def test_an_icosphere_is_a_topological_sphere_of_the_promised_size(frequency: int) -> None:
    sphere = icosphere(frequency, 2.5)
    topology = build_topology(sphere)
    vertices, faces, edges = len(sphere.vertices), len(sphere.faces), len(topology.edges)
    assert vertices - edges + faces == 2
    assert (vertices, faces) == (10 * frequency**2 + 2, 20 * frequency**2)
    assert np.count_nonzero(topology.valence == 5) == 12 and set(topology.valence) <= {5, 6}
    assert np.allclose(np.linalg.norm(sphere.vertices, axis=1), 2.5, rtol=1e-14)


def test_area_and_volume_of_icospheres_converge_to_the_sphere_with_second_order() -> None:
    deficits = []
    for frequency in (4, 8, 16):
        s = icosphere(frequency)
        deficits.append(
            (1 - area(s.vertices, s.faces) / (4 * math.pi), 1 - volume(s.vertices, s.faces) / (4 * math.pi / 3))
        )
    slopes = np.log2(np.array(deficits[:-1]) / np.array(deficits[1:]))
    assert np.all(np.abs(slopes - 2.0) < 0.03)  # inscribed polyhedra miss h^2; the next term is h^4


def test_the_icosphere_of_a_vertex_count_is_the_coarsest_that_is_fine_enough() -> None:
    for wanted in (1, 12, 13, 42, 43, 642, 643, 2562):
        frequency = frequency_for(wanted)
        assert 10 * frequency**2 + 2 >= wanted
        assert frequency == 1 or 10 * (frequency - 1) ** 2 + 2 < wanted


def test_a_spheroid_has_the_volume_of_its_axes_and_outward_normals() -> None:
    shape = spheroid(12, (3.0, 2.0, 1.0))
    coarse = volume(icosphere(12).vertices, icosphere(12).faces)
    assert volume(shape.vertices, shape.faces) == pytest.approx(6.0 * coarse, rel=1e-12)
    assert np.all((vertex_normals(shape.vertices, shape.faces) * shape.vertices).sum(axis=1) > 0.0)


def test_the_discocyte_has_the_area_and_volume_of_a_human_red_cell() -> None:
    # Evans and Fung's coefficients give 134.1 um^2 and 94.1 um^3 at a radius of 3.91 um; 2562 vertices miss 0.3 %
    cell = discocyte(16, 3.91)
    assert area(cell.vertices, cell.faces) == pytest.approx(134.09, rel=4e-3)
    assert volume(cell.vertices, cell.faces) == pytest.approx(94.09, rel=4e-3)
    assert reduced_volume(cell.vertices, cell.faces) == pytest.approx(0.6444, abs=1e-3)


def test_the_discocyte_is_biconcave_and_evenly_meshed() -> None:
    cell = discocyte(8, 3.91)
    distance, height = np.hypot(cell.vertices[:, 0], cell.vertices[:, 1]), np.abs(cell.vertices[:, 2])
    assert distance.max() == pytest.approx(3.91, rel=2e-3)
    assert height[distance.argmin()] == pytest.approx(0.81 / 2, abs=0.01)  # dimple 0.81 um thick
    assert height.max() == pytest.approx(2.57 / 2, abs=0.03)  # rim 2.57 um thick
    areas = face_areas(cell.vertices, cell.faces)
    assert areas.max() < 3.0 * areas.min()


def test_defects_are_refused_by_name() -> None:
    good = tetrahedron()
    check_surface(good)
    flipped = good.faces.copy()
    flipped[0] = flipped[0][::-1]
    beyond = good.vertices.copy()
    beyond[2, 1] = math.nan
    thick = np.concatenate([good.faces, [[0, 1, 2]]]).astype(np.int32)
    cases = {
        "open, 3 edges": Surface(good.vertices, good.faces[1:]),
        "disagree which side": Surface(good.vertices, flipped),
        "not finite": Surface(beyond, good.faces),
        "faces look inward": Surface(good.vertices, good.faces[:, ::-1].copy()),
        "more than two faces": Surface(good.vertices, thick),
        "names vertex 9": Surface(good.vertices, np.where(good.faces == 3, 9, good.faces)),
        "belongs to no face": Surface(np.concatenate([good.vertices, [[5.0, 5.0, 5.0]]]), good.faces),
        "have no area": Surface(good.vertices * [1.0, 0.0, 0.0], good.faces),
    }
    for message, surface in cases.items():
        with pytest.raises(InputError, match=message):
            check_surface(surface)


def test_impossible_shapes_are_refused() -> None:
    for make in (lambda: icosphere(0), lambda: icosphere(3, -1.0), lambda: spheroid(3, (1.0, 0.0, 1.0))):
        with pytest.raises(InputError, match=r"positive|at least 1"):
            make()


def test_index_tables_name_every_corner_and_edge_once() -> None:
    topology = build_topology(icosphere(3))
    for table, total in (
        (topology.vertex_corners, topology.faces.size),
        (topology.vertex_edge_corners, topology.edges.size),
    ):
        assert sorted(table[table < total]) == list(range(total))
    for vertex, around in enumerate(topology.neighbours):
        around = around[around < len(topology.valence)]
        assert len(around) == topology.valence[vertex] and vertex not in around
        assert all(vertex in topology.neighbours[other] for other in around)
