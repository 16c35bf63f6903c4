"""A triangle mesh from a file is mended until it has a clear inside, with a note for every change, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.surface_openings import open_rims
from hemoflow.geometry.surface_repair import repair, signed_volumes

UM = 1e-6
AROUND, ALONG, RADIUS, LENGTH = 16, 8, 5.0, 24.0
VOLUME = 0.5 * AROUND * np.sin(2 * np.pi / AROUND) * RADIUS**2 * LENGTH
"""Of the prism that the tube is, in cubic micrometres."""

Mesh = tuple[np.ndarray, np.ndarray]


def tube(capped: bool = True, radius: float = RADIUS, length: float = LENGTH) -> Mesh:
    """Tube along x with outward normals, in micrometres."""
    angle = 2 * np.pi * np.arange(AROUND) / AROUND
    vertices = [[x, radius * np.cos(a), radius * np.sin(a)] for x in np.linspace(0, length, ALONG + 1) for a in angle]
    faces = []
    for k in range(ALONG):
        for i in range(AROUND):
            a, b = k * AROUND + i, k * AROUND + (i + 1) % AROUND
            faces += [[a, b, b + AROUND], [a, b + AROUND, a + AROUND]]
    if capped:
        ends = (len(vertices), len(vertices) + 1)
        vertices += [[0, 0, 0], [length, 0, 0]]
        last = ALONG * AROUND
        for i in range(AROUND):
            j = (i + 1) % AROUND
            faces += [[ends[0], j, i], [ends[1], last + i, last + j]]
    return np.array(vertices, float), np.array(faces)


def box(low: tuple[float, float, float], size: float) -> Mesh:
    corners = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float) * size + low
    faces = np.array(
        [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6], [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]
    )  # fmt: skip
    return corners, faces


def together(*meshes: Mesh) -> Mesh:
    starts = np.cumsum([0, *(len(v) for v, _ in meshes)])
    return np.concatenate([v for v, _ in meshes]), np.concatenate(
        [f + s for (_, f), s in zip(meshes, starts, strict=False)]
    )


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Cubic micrometres inside, open ends closed by fans."""
    return float(signed_volumes(vertices, faces, np.zeros(len(faces), np.int64))[0] / UM**3)


def mended(kind: str) -> tuple[Mesh, str]:
    vertices, faces = tube()
    half = faces.copy()
    half[::2] = half[::2, ::-1]
    a, b, c = faces[40]
    between = np.vstack([vertices, (vertices[a] + vertices[b]) / 2])
    new = len(vertices)
    split = np.vstack([np.delete(faces, 40, 0), [[a, new, c], [new, b, c]]])
    soup = vertices[faces].reshape(-1, 3)
    jitter = np.random.default_rng(1).normal(0, 2e-6, soup.shape)
    return {
        "inward": ((vertices, faces[:, ::-1]), "normals pointed into the lumen"),
        "half turned": ((vertices, half), f"{len(half) // 2} facets that disagreed"),
        "doubled": ((vertices, np.vstack([faces, faces[:3], faces[7:8, ::-1]])), "4 facets with the same corners"),
        "collapsed": ((vertices, np.vstack([faces, [[3, 4, 4]]])), "1 facet with two corners at one place"),
        "loose flat facet": ((between, np.vstack([faces, [[a, b, new]]])), "1 facet without area"),
        "flat facet in the wall": ((between, np.vstack([split, [[a, b, new]]])), "1 facet without area"),
        "corner on an edge": ((between, split), "1 crack"),
        "missing facet": ((vertices, np.delete(faces, 40, 0)), "1 small hole"),
        "two holes that touch": ((vertices, np.delete(faces, [40, 42], 0)), "2 small holes"),
        "rounded corners": ((soup + jitter, np.arange(len(soup)).reshape(-1, 3)), "along cracks"),
        "speck": (together((vertices, faces), box((12, 0, 0), 0.4)), "1 separate small part"),
    }[kind]  # type: ignore[return-value]


KINDS = (
    "inward", "half turned", "doubled", "collapsed", "loose flat facet", "flat facet in the wall", "corner on an edge", "missing facet",
    "two holes that touch", "rounded corners", "speck",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_small_faults_are_mended_and_said(kind: str) -> None:
    mesh, note = mended(kind)
    vertices, faces, notes = repair(mesh[0] * UM, mesh[1])
    assert any(note in one for one in notes)
    assert len(open_rims(vertices, faces, "it")[1]) == 0
    # corners were moved by up to 1e-6 of the diagonal at most
    assert volume(vertices, faces) == pytest.approx(VOLUME, rel=1e-5)


def moebius() -> Mesh:
    n = 30
    turn = 2 * np.pi * np.arange(n) / n
    vertices = [
        [(9 + s * np.cos(t / 2)) * np.cos(t), (9 + s * np.cos(t / 2)) * np.sin(t), s * np.sin(t / 2)]
        for t in turn
        for s in (-2, 2)
    ]
    faces = []
    for i in range(n):
        c, d = (2 * i + 2, 2 * i + 3) if i < n - 1 else (1, 0)
        faces += [[2 * i, 2 * i + 1, d], [2 * i, d, c]]
    return np.array(vertices), np.array(faces)


def refused(kind: str) -> Mesh:
    vertices, faces = tube()
    fin = np.vstack([vertices, vertices[40] * [1, 1.5, 1.5]])
    crossing = vertices.copy()
    crossing[2 * AROUND : 4 * AROUND, 0] += LENGTH / 2
    return {
        "fin": (fin, np.vstack([faces, [[40, 41, len(vertices)]]])),
        "overlapping": together((vertices, faces), (vertices + [8, 2, 0], faces)),
        "nested": together((vertices, faces), tube(radius=4.0, length=23.0)),
        "apart": together((vertices, faces), (vertices + [0, 15, 0], faces)),
        "one-sided": moebius(),
        "sheet": (np.array([[0, 0, 0], [9, 0, 0], [9, 9, 0], [0, 9, 0]], float), np.array([[0, 1, 2], [0, 2, 3]])),
        "through itself": (crossing, faces),
        "only collapsed facets": (vertices, np.array([[0, 0, 1], [2, 3, 3]])),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("fin", r"1 edge with more than two facets .*near \(6, .* um"),
        ("overlapping", "2 separate bodies.*overlap"),
        ("nested", "2 separate bodies.*one inside the other"),
        ("apart", "2 separate bodies.*lie apart"),
        ("one-sided", "one side only"),
        ("sheet", "encloses no volume"),
        ("through itself", "passes through itself"),
        ("only collapsed facets", "collapsed"),
    ],
)
def test_what_has_no_clear_inside_is_refused_by_name(kind: str, message: str) -> None:
    mesh = refused(kind)
    with pytest.raises(InputError, match=message):
        repair(mesh[0] * UM, mesh[1])


def test_a_hole_too_large_to_close_is_an_opening_with_a_note() -> None:
    vertices, faces = tube()
    vertices, faces, notes = repair(vertices * UM, np.delete(faces, np.arange(40, 46), 0))
    assert len(open_rims(vertices, faces, "it")[1]) == 1
    assert any("counts as an opening" in note for note in notes)
