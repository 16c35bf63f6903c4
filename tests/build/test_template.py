"""Any closed surface can be a cell: read from every format, made as fine as the lattice needs; what cannot be one is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hemoflow.build.cells import cell_surface, mesh_size
from hemoflow.build.template import VERTEX_SPACING_AREA, read_template, template_surface
from hemoflow.case.reading import read_case_text
from hemoflow.case.writing import case_text
from hemoflow.cells import surface
from hemoflow.cells.surface import Surface, discocyte, icosphere
from hemoflow.errors import InputError

CASE = """
[vessel]
formula = "tube"
length = "40 um"
diameter = "20 um"
periodic = ["x"]
[flow]
mean_velocity = "1 mm/s"
[resolution]
node_spacing = "1 um"
[[cells]]
type = "capsule"
diameter = "8 um"
shear_modulus = "5 uN/m"
template = "cell.off"
position = ["10 um", "0 um", "0 um"]
[run]
until = "1 ms"
"""


def off(path: Path, shape: Surface, extra: str = "") -> Path:
    points = [f"{x:.9g} {y:.9g} {z:.9g}" for x, y, z in shape.vertices]
    faces = [f"3 {a} {b} {c}{extra}" for a, b, c in shape.faces]
    path.write_text("\n".join(["OFF # a cell", f"{len(points)} {len(faces)} 0", *points, "", *faces]) + "\n")
    return path


def ring(around: int = 24, across: int = 12) -> Surface:
    u, v = np.meshgrid(np.arange(around), np.arange(across), indexing="ij")
    p, q = 2 * np.pi * u / around, 2 * np.pi * v / across
    points = np.stack([(2 + np.cos(q)) * np.cos(p), (2 + np.cos(q)) * np.sin(p), np.sin(q)], axis=-1).reshape(-1, 3)
    a, b = u * across + v, (u + 1) % around * across + v
    c, d = (u + 1) % around * across + (v + 1) % across, u * across + (v + 1) % across
    faces = np.concatenate([np.stack([a, b, c], -1).reshape(-1, 3), np.stack([a, c, d], -1).reshape(-1, 3)])
    return Surface(points, faces.astype(np.int32))


@pytest.mark.parametrize("suffix", [".off", ".stl", ".obj", ".ply", ".msh"])
def test_a_surface_of_every_format_has_the_same_shape_and_looks_outward(tmp_path: Path, suffix: str) -> None:
    import meshio

    shape, path = discocyte(6, 3.91), tmp_path / f"cell{suffix}"
    inward = shape.faces[:, ::-1]
    if suffix == ".off":
        off(path, Surface(shape.vertices, inward), " 255 0 0")
    else:
        kind = {"file_format": "gmsh22"} if suffix == ".msh" else {}
        meshio.Mesh(shape.vertices, [("triangle", inward)]).write(path, **kind)
    found = template_surface(Surface(*read_template(str(path))), 11.73)
    assert (len(found.vertices), len(found.faces)) == (362, 720)
    assert surface.reduced_volume(*_parts(found)) == pytest.approx(surface.reduced_volume(*_parts(shape)), rel=1e-4)
    assert surface.volume(*_parts(found)) == pytest.approx(1.5**3 * surface.volume(*_parts(shape)), rel=1e-4)


def test_a_template_too_coarse_for_the_lattice_is_made_finer_and_keeps_its_length_and_centre(tmp_path: Path) -> None:
    moved = Surface(icosphere(2).vertices * [1.0, 0.6, 0.6] + 40.0, icosphere(2).faces)
    found = template_surface(Surface(*read_template(str(off(tmp_path / "a.off", moved)))), 20.0)
    assert surface.area(*_parts(found)) <= VERTEX_SPACING_AREA * len(found.vertices)
    assert np.ptp(found.vertices, axis=0).max() == pytest.approx(20.0)
    # Loop's surface of an ellipsoid of 42 points is an ellipsoid within some per cent
    assert np.ptp(found.vertices[:, 1]) == pytest.approx(12.0, rel=0.05)
    assert np.abs(found.vertices.mean(axis=0)).max() < 0.1


@pytest.mark.parametrize(
    "shape, said",
    [
        (Surface(icosphere(4).vertices, icosphere(4).faces[60:]), "open, .* edges have one face only"),
        (ring(), "1 hole through it like that of a ring"),
        (Surface(icosphere(4).vertices * [30.0, 1.0, 1.0], icosphere(4).faces), "angle below 10 degrees"),
    ],
)
def test_what_cannot_be_a_cell_is_refused_with_its_file_and_fault(tmp_path: Path, shape: Surface, said: str) -> None:
    with pytest.raises(InputError, match=rf"bad\.off as a cell: .*{said}"):
        read_template(str(off(tmp_path / "bad.off", shape)))


@pytest.mark.parametrize(
    "text, said",
    [
        ("ply\n", "the first line must be OFF"),
        ("OFF\nmany\n", "the numbers of points and facets must follow"),
        ("OFF\n4 4 0\n0 0 0\n", "it is cut off"),
        ("OFF\n3 1 0\n0 0 0\n1 0 0\n0 x 0\n3 0 1 2\n", "line 5: '0 x 0' should be 3 numbers"),
        ("OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n2 0 1\n", "line 6: a facet with 2 corners"),
    ],
)
def test_a_damaged_off_file_is_refused_with_the_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "cell.off"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_template(str(path))


def test_a_case_names_the_template_beside_it_and_remembers_it(tmp_path: Path) -> None:
    off(tmp_path / "cell.off", discocyte(6, 1.0))
    case = read_case_text(CASE, tmp_path)
    kind = case.cells[0].complete()
    built = cell_surface(kind, 0.5e-6)
    assert np.ptp(built.vertices, axis=0)[2] == pytest.approx(16.0 * 2.5656 / 7.82, rel=0.01)
    assert mesh_size(kind, 0.5e-6) == len(built.vertices)
    again = read_case_text(case_text(case), tmp_path / "elsewhere")
    assert again.cells[0].complete() == kind
    with pytest.raises(InputError, match=r"cells\[0\]\.template.*does not exist"):
        read_case_text(CASE.replace("cell.off", "none.off"), tmp_path)


def _parts(shape: Surface) -> tuple[np.ndarray, np.ndarray]:
    return shape.vertices, shape.faces
