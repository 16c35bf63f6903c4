"""Values at the wall from values at nodes, and the triangles that they are shown on."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.geometry.formula import make_vessel
from hemoflow.geometry.refine import refined, vertex_areas, vertex_normals
from hemoflow.geometry.voxelise import Lumen, voxelise
from hemoflow.geometry.wall_values import wall_operator

UM = 1e-6


def wall(name: str, spacing: float, **sizes: float) -> tuple[Lumen, np.ndarray, np.ndarray]:
    """A vessel on the lattice, points of its wall and their outward normals; lengths in um."""
    vessel = make_vessel(name, **{key: value * UM for key, value in sizes.items()})
    vertices, faces = refined(*vessel.surface(), 2 * spacing * UM)
    return voxelise(vessel, spacing * UM), vertices, vertex_normals(vertices, faces)


@pytest.mark.parametrize("shape", ["bifurcation", "serpentine", "slit"])
def test_a_field_that_is_linear_in_space_is_met_exactly_on_any_wall(shape: str) -> None:
    lumen, points, normals = wall(shape, 1.0)
    slope = np.array([0.3, -0.7, 0.5]) / UM
    field = 2.0 + lumen.position(lumen.nodes) @ slope
    found = wall_operator(lumen, points, normals) @ field
    np.testing.assert_allclose(found, 2.0 + points @ slope, atol=1e-9 * np.abs(field).max())


def test_other_fields_are_met_to_second_order() -> None:
    errors = []
    for spacing in (1.0, 0.5):
        lumen, points, normals = wall("bifurcation", spacing)
        at = [
            np.sin(place[:, 0] / (8 * UM)) * np.cos(place[:, 1] / (8 * UM))
            for place in (lumen.position(lumen.nodes), points)
        ]
        errors.append(np.sqrt(np.mean((wall_operator(lumen, points, normals) @ at[0] - at[1]) ** 2)))
    assert errors[0] < 0.03 and errors[0] / errors[1] > 3.0


def test_a_wall_sees_its_own_side_only() -> None:
    lumen, points, normals = wall("honeycomb", 1.0, diameter=6.0, edge_length=9.0)
    up = wall_operator(lumen, points, normals).tocoo()
    behind = np.einsum("ij,ij->i", lumen.position(lumen.nodes[up.col]) - points[up.row], normals[up.row])
    assert behind.max() < 0.5 * lumen.spacing
    away = np.linalg.norm(lumen.position(lumen.nodes[up.col]) - points[up.row], axis=1)
    assert away.max() < 4.01 * lumen.spacing


def test_periodic_ends_do_not_show() -> None:
    vessel = make_vessel("tube", periodic=["x"], length=9 * UM, diameter=12 * UM)
    lumen = voxelise(vessel, 1 * UM)
    angle = np.linspace(0.0, 2 * np.pi, 40)
    ring = np.stack([0 * angle, np.cos(angle), np.sin(angle)], axis=1)
    field = lumen.position(lumen.nodes) @ [0.0, 1 / UM, 2 / UM]
    for x in (0.0, 2.0, 9.0):
        points = (6.0 * ring + [x, 0, 0]) * UM
        np.testing.assert_allclose(wall_operator(lumen, points, ring) @ field, points @ [0, 1 / UM, 2 / UM], atol=1e-10)


def test_a_lumen_of_two_nodes_still_has_values_at_its_wall() -> None:
    lumen, points, normals = wall("channel", 1.0, length=12.0, width=2.0, height=8.0)
    found = wall_operator(lumen, points, normals)
    np.testing.assert_allclose(found @ np.ones(len(lumen.nodes)), 1.0, atol=1e-9)
    assert np.abs(found).max() < 2.0


def test_smaller_triangles_are_the_same_surface() -> None:
    vertices, faces = make_vessel("channel", length=20 * UM, width=6 * UM, height=3 * UM).surface()
    points, parts = refined(vertices, faces, 1.5 * UM)
    edges = points[parts] - points[np.roll(parts, 1, axis=1)]
    assert np.linalg.norm(edges, axis=2).max() <= 1.5 * UM
    assert vertex_areas(points, parts).sum() == pytest.approx(2 * 20 * 9 * UM**2)
    np.testing.assert_array_equal(points[: len(vertices)], vertices)
    sides = np.sort(parts[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
    _, uses = np.unique(sides, axis=0, return_counts=True)
    middle = points[np.unique(sides, axis=0)[uses == 1]].mean(axis=1)[:, 0]
    assert uses.max() == 2 and np.all((middle == 0.0) | (middle == 20 * UM))  # no seam but the two ends
    normals = vertex_normals(points, parts)
    flat = np.abs(points[:, 1]) < 2.9 * UM
    np.testing.assert_allclose(normals[flat] @ [0, 0, 1], np.sign(points[flat, 2]), atol=1e-9)
