"""Laws of the passage: crossing times, deformation, integrity, and the throat cut from a wall."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.fate.throat import narrowest
from hemoflow.fate.transit import cluster_integrity, crossing_times, score_cell, taylor_deformation

MICRON = 1e-6


def test_crossing_times_are_linear_between_samples() -> None:
    entry, leave = crossing_times(np.arange(5.0), np.array([0.8, 0.9, 1.1, 1.1, 0.6]))
    assert entry == pytest.approx(1.5)
    assert leave == pytest.approx(3.2)


def test_a_cell_that_is_still_squeezed_has_not_left_and_one_that_fits_never_entered() -> None:
    assert crossing_times(np.arange(3.0), np.array([0.5, 1.5, 1.5]))[1] is None
    assert crossing_times(np.arange(3.0), np.array([0.5, 0.6, 0.5])) == (None, None)


def test_taylor_deformation_of_a_sphere_is_zero_and_of_a_two_to_one_body_a_third() -> None:
    got = taylor_deformation(np.array([[1.0, 1.0, 1.0], [2.0, 1.5, 1.0]]) * MICRON)
    assert got == pytest.approx([0.0, 1 / 3])


def test_integrity_is_the_largest_piece_over_all_cells() -> None:
    labels = np.array([[0, 0, 0, 0], [0, 0, 0, 1], [-1, -1, -1, -1]])
    assert cluster_integrity(labels) == pytest.approx([1.0, 0.75, 0.25])


def columns(n: int) -> dict[str, np.ndarray]:
    x = np.linspace(0, 30, n) * MICRON
    return {
        "position": np.stack([x, 0 * x, 0 * x], -1),
        "path": x,
        "extent": np.full((n, 3), 12 * MICRON),
        "volume": np.linspace(1.0, 0.99, n),
        "wall_gap": np.full(n, 0.5 * MICRON),
        "confinement": np.full(n, 0.8),
    }


def event(time: float, kind: str) -> dict[str, str]:
    return {"time_s": str(time), "kind": kind, "who": "tumor"}


def test_events_give_the_first_entry_and_the_last_exit() -> None:
    said = [event(1, "entry"), event(2, "exit"), event(3, "entry"), event(4, "exit"), event(5, "passed")]
    s = score_cell(np.linspace(0, 6, 7), columns(7), said)
    assert (s.entry, s.exit, s.passed) == (1.0, 4.0, 5.0)
    again = score_cell(np.linspace(0, 6, 7), columns(7), said[:3])
    assert (again.entry, again.exit, again.passed) == (1.0, None, None)


def test_path_speed_and_volume_change_are_those_of_the_columns() -> None:
    s = score_cell(np.linspace(0, 6, 7), columns(7), [])
    assert s.path == pytest.approx(30 * MICRON)
    assert s.mean_speed == pytest.approx(5 * MICRON)
    assert s.volume_change == pytest.approx(0.01)
    no_path = {**columns(7), "path": np.full(7, np.nan)}
    assert score_cell(np.linspace(0, 6, 7), no_path, []).path == pytest.approx(30 * MICRON)


def tube(sides: np.ndarray, stations: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wall along x with the cross-section ``sides`` (K,2) scaled by ``scale`` at each station."""
    k = len(sides)
    points = np.concatenate([np.column_stack([np.full(k, x), s * sides]) for x, s in zip(stations, scale, strict=True)])
    i, j = np.meshgrid(np.arange(len(stations) - 1), np.arange(k), indexing="ij")
    a, b = i * k + j, i * k + (j + 1) % k
    faces = np.concatenate([np.stack([a, b, a + k], -1), np.stack([b, b + k, a + k], -1)])
    return points, faces.reshape(-1, 3)


def test_the_throat_ahead_of_a_jammed_cell_is_found_on_the_wall() -> None:
    """A neck of 4 um radius in a tube of 7; the cell stopped 8 um before it and looks 12 um ahead."""
    angle = 2 * np.pi * np.arange(64) / 64
    x = np.linspace(0, 60, 121)
    radius = 7 - 3 * np.exp(-(((x - 30) / 4) ** 2))
    wall = tube(np.stack([np.cos(angle), np.sin(angle)], -1), x * MICRON, radius * MICRON)
    way = np.stack([np.linspace(8, 22, 30), np.zeros(30), np.zeros(30)], -1) * MICRON
    assert narrowest(*wall, way, 12 * MICRON).cap_radius == pytest.approx(4 * MICRON, rel=0.02)  # stations every 0.5 um


def test_a_rectangular_slit_has_the_mean_curvature_of_its_cap() -> None:
    """1/R_c = 1/w + 1/h with the half sizes w/2 and h/2: R_c = w h / (w + h) for a slit of 6 x 15 um."""
    w, h = 6.0, 15.0
    corners = np.array([[-w, -h], [w, -h], [w, h], [-w, h]]) / 2
    sides = np.concatenate(
        [corners[k] + np.linspace(0, 1, 8)[:-1, None] * (corners[(k + 1) % 4] - corners[k]) for k in range(4)]
    )
    wall = tube(sides, np.linspace(0, 60, 25) * MICRON, np.full(25, MICRON))
    way = np.stack([np.linspace(10, 30, 20), np.zeros(20), np.zeros(20)], -1) * MICRON
    found = narrowest(*wall, way, 12 * MICRON)
    assert found.cap_radius == pytest.approx(w * h / (w + h) * MICRON, rel=0.03)  # 48 rays cut corners
    assert found.flow_radius == pytest.approx(4.97 * MICRON, rel=0.03)
    assert narrowest(*wall, way[:1], 12 * MICRON) is None
