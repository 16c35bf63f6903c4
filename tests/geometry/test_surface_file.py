"""Surface meshes in every format give the same wall; faults are mended with a note or refused by name, never with a traceback."""

from __future__ import annotations

import base64
import random
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.surface_file import TriangleSurface, read_surface
from hemoflow.geometry.surface_openings import open_rims
from hemoflow.geometry.surface_repair import signed_volumes

UM = 1e-6
AROUND, ALONG, RADIUS, LENGTH = 16, 8, 5.0, 24.0
VOLUME = 0.5 * AROUND * np.sin(2 * np.pi / AROUND) * RADIUS**2 * LENGTH
"""Of the prism that the tube is, in cubic micrometres."""

Mesh = tuple[np.ndarray, np.ndarray]


def tube(capped: bool = True, radius: float = RADIUS, length: float = LENGTH) -> Mesh:
    """Tube along x with outward normals, in micrometres."""
    angle = 2 * np.pi * np.arange(AROUND) / AROUND
    vertices = [[x, radius * np.cos(a), radius * np.sin(a)] for x in np.linspace(0, length, ALONG + 1) for a in angle]
    faces = [[q[0], q[i], q[i + 1]] for q in quads().tolist() for i in (1, 2)]
    if capped:
        ends = (len(vertices), len(vertices) + 1)
        vertices += [[0, 0, 0], [length, 0, 0]]
        last = ALONG * AROUND
        for i in range(AROUND):
            j = (i + 1) % AROUND
            faces += [[ends[0], j, i], [ends[1], last + i, last + j]]
    return np.array(vertices, float), np.array(faces)


def quads() -> np.ndarray:
    """The tube's wall as quadrilaterals."""
    k, i = (a.ravel() for a in np.mgrid[:ALONG, :AROUND])
    low, high = k * AROUND + i, k * AROUND + (i + 1) % AROUND
    return np.stack([low, high, high + AROUND, low + AROUND], axis=1)


def binary(mesh: Mesh, header: bytes = b"tube", count: int | None = None) -> bytes:
    vertices, faces = mesh
    record = np.zeros(len(faces), [("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("extra", "<u2")])
    record["corners"] = vertices[faces]
    return header.ljust(80) + struct.pack("<I", len(faces) if count is None else count) + record.tobytes()


def text(mesh: Mesh) -> bytes:
    lines = ["solid tube"]
    for triangle in mesh[0][mesh[1]].tolist():
        lines += [" facet normal 0 0 1", "  outer loop"]
        lines += [f"   vertex {x:.9g} {y:.9g} {z:.9g}" for x, y, z in triangle]
        lines += ["  endloop", " endfacet"]
    return "\n".join([*lines, "endsolid tube", ""]).encode()


def obj(mesh: Mesh, from_end: bool = False) -> bytes:
    vertices, faces = mesh
    shift = -len(vertices) if from_end else 1
    lines = [f"v {x:.17g} {y:.17g} {z:.17g}" for x, y, z in vertices.tolist()]
    lines += ["f " + " ".join(f"{c + shift}//1" for c in face) for face in faces.tolist()]
    return "\n".join(["# tube", "mtllib none.mtl", *lines, ""]).encode()


def ply(mesh: Mesh, style: str = "ascii", name: str = "vertex_indices") -> bytes:
    vertices, faces = mesh
    head = (
        f"ply\nformat {style} 1.0\ncomment a tube\nelement vertex {len(vertices)}\nproperty double x\nproperty double y\n"
        f"property double z\nelement face {len(faces)}\nproperty list uchar int {name}\nend_header\n"
    ).encode()
    if style == "ascii":
        rows = [" ".join(map(repr, v)) for v in vertices.tolist()]
        return head + "\n".join(rows + [f"{len(f)} " + " ".join(map(str, f)) for f in faces.tolist()] + [""]).encode()
    order = "<" if "little" in style else ">"
    record = np.zeros(len(faces), [("n", "u1"), ("corners", order + "i4", faces.shape[1])])
    record["n"], record["corners"] = faces.shape[1], faces
    return head + vertices.astype(order + "f8").tobytes() + record.tobytes()


def legacy(mesh: Mesh, style: str = "ASCII", version: str = "3.0", cells: str = "") -> bytes:
    """Legacy VTK; `cells` is the VTK number of an UnstructuredGrid's cells, or empty for PolyData."""
    vertices, faces = mesh
    corners = faces.shape[1]

    def numbers(array: np.ndarray, kind: str) -> bytes:
        return (" ".join(map(str, array.ravel().tolist())) if style == "ASCII" else "").encode() or array.astype(
            kind
        ).tobytes()

    size = (
        f"{len(faces) + 1} {faces.size}" if version == "5.1" else f"{len(faces)} {faces.size + len(faces)}"
    )  # offsets are one more than cells
    kind = "UNSTRUCTURED_GRID" if cells else "POLYDATA"
    parts = [
        f"# vtk DataFile Version {version}\ntube\n{style}\nDATASET {kind}\nPOINTS {len(vertices)} double\n".encode()
    ]
    parts += [numbers(vertices, ">f8"), f"\n{'CELLS' if cells else 'POLYGONS'} {size}\n".encode()]
    if version == "5.1":
        parts += [b"OFFSETS vtktypeint64\n", numbers(np.arange(len(faces) + 1) * corners, ">i8")]
        parts += [b"\nCONNECTIVITY vtktypeint64\n", numbers(faces, ">i8")]
    else:
        parts += [numbers(np.insert(faces, 0, corners, axis=1), ">i4")]
    if cells:
        parts += [f"\nCELL_TYPES {len(faces)}\n".encode(), numbers(np.full(len(faces), int(cells)), ">i4")]
    return b"".join([*parts, b"\nPOINT_DATA 1\n"])


def xml(mesh: Mesh, how: str = "ascii", cells: int | None = None) -> bytes:
    """VTP, or VTU of cells with one VTK number; written as text, base64, or raw and zlib-packed behind the XML."""
    vertices, faces = mesh
    appended = bytearray()

    def array(name: str, values: np.ndarray) -> str:
        kind = {"f": "Float64", "i": "Int64", "u": "UInt8"}[values.dtype.kind]
        start = f'<DataArray type="{kind}" Name="{name}" NumberOfComponents="3"'
        data = values.tobytes()
        if how == "ascii":
            return f'{start} format="ascii">{" ".join(map(str, values.ravel().tolist()))}</DataArray>'
        if how == "base64":
            return (
                f'{start} format="binary">{base64.b64encode(struct.pack("<I", len(data)) + data).decode()}</DataArray>'
            )
        packed = zlib.compress(data)
        appended.extend(struct.pack("<4I", 1, len(data), len(data), len(packed)) + packed)
        return f'{start} format="appended" offset="{len(appended) - 16 - len(packed)}"/>'  # where this one begins

    kind, section = ("PolyData", "Polys") if cells is None else ("UnstructuredGrid", "Cells")
    body = f"<Points>{array('Points', vertices)}</Points><{section}>{array('connectivity', faces)}"
    body += array("offsets", np.arange(1, len(faces) + 1) * faces.shape[1])
    body += "" if cells is None else array("types", np.full(len(faces), cells, np.uint8))
    pack = ' compressor="vtkZLibDataCompressor"' if how == "zlib" else ""
    tail = b'<AppendedData encoding="raw">_' + bytes(appended) + b"</AppendedData>" if how == "zlib" else b""
    head = f'<?xml version="1.0"?><VTKFile type="{kind}" byte_order="LittleEndian"{pack}><{kind}>'
    count = f'NumberOfPoints="{len(vertices)}" Number{"OfPolys" if cells is None else "OfCells"}="{len(faces)}"'
    return f"{head}<Piece {count}>{body}</{section}></Piece></{kind}>".encode() + tail + b"</VTKFile>"


def gmsh(mesh: Mesh, kind: int = 2) -> bytes:
    vertices, faces = mesh
    lines = ["$MeshFormat", "2.2 0 8", "$EndMeshFormat", "$Nodes", str(len(vertices))]
    lines += [f"{k} {x:.17g} {y:.17g} {z:.17g}" for k, (x, y, z) in enumerate(vertices.tolist(), 1)]
    lines += ["$EndNodes", "$Elements", str(len(faces))]
    lines += [f"{k} {kind} 2 1 1 " + " ".join(str(c + 1) for c in face) for k, face in enumerate(faces.tolist(), 1)]
    return "\n".join([*lines, "$EndElements", ""]).encode()


def read(folder: Path, data: bytes, ending: str, unit: str | None = "um") -> TriangleSurface:
    path = folder / f"vessel{ending}"
    path.write_bytes(data)
    return read_surface(path, unit)


def volume(surface: TriangleSurface) -> float:
    """Cubic micrometres inside, open ends closed by fans."""
    return float(signed_volumes(surface.vertices, surface.faces, np.zeros(len(surface.faces), np.int64))[0] / UM**3)


FORMATS = {
    "binary STL": (binary, ".stl"),
    "text STL": (text, ".stl"),
    "text STL with CRLF": (lambda m: text(m).replace(b"\n", b"\r\n").upper(), ".stl"),
    "binary STL that begins with solid": (lambda m: binary(m, b"solid of revolution"), ".stl"),
    "OBJ": (obj, ".obj"),
    "OBJ counted from the end": (lambda m: obj(m, True), ".obj"),
    "text PLY": (ply, ".ply"),
    "PLY with vertex_index": (lambda m: ply(m, name="vertex_index"), ".ply"),
    "little-endian PLY": (lambda m: ply(m, "binary_little_endian"), ".ply"),
    "big-endian PLY": (lambda m: ply(m, "binary_big_endian"), ".ply"),
    "text VTK PolyData": (legacy, ".vtk"),
    "binary VTK PolyData": (lambda m: legacy(m, "BINARY"), ".vtk"),
    "VTK 5.1 PolyData": (lambda m: legacy(m, "BINARY", "5.1"), ".vtk"),
    "text VTK 5.1 grid": (lambda m: legacy(m, "ASCII", "5.1", "5"), ".vtk"),
    "text VTP": (xml, ".vtp"),
    "base64 VTP": (lambda m: xml(m, "base64"), ".vtp"),
    "zlib VTP": (lambda m: xml(m, "zlib"), ".vtp"),
    "text VTU": (lambda m: xml(m, "ascii", 5), ".vtu"),
    "zlib VTU": (lambda m: xml(m, "zlib", 5), ".vtu"),
    "Gmsh": (gmsh, ".msh"),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("capped", [True, False])
def test_every_format_gives_the_same_tube(tmp_path: Path, name: str, capped: bool) -> None:
    write, ending = FORMATS[name]
    vertices, faces = tube(capped)
    surface = read(tmp_path, write((vertices, faces)), ending)
    assert len(surface.vertices) == len(vertices)
    assert len(surface.faces) == len(faces)
    # single precision and nine digits keep seven
    assert volume(surface) == pytest.approx(VOLUME, rel=1e-6)
    assert len(open_rims(surface.vertices, surface.faces, "it")[1]) == (0 if capped else 2)
    assert surface.notes == ()


@pytest.mark.parametrize(
    ("write", "ending"), [(obj, ".obj"), (ply, ".ply"), (legacy, ".vtk"), (xml, ".vtp"), (lambda m: gmsh(m, 3), ".msh")]
)
def test_quadrilaterals_are_cut_into_triangles(tmp_path: Path, write, ending: str) -> None:  # type: ignore[no-untyped-def]
    surface = read(tmp_path, write((tube(False)[0], quads())), ending)
    assert len(surface.faces) == 2 * AROUND * ALONG
    assert volume(surface) == pytest.approx(VOLUME)
    assert "three corners" in surface.notes[0]


def test_a_hollow_polygon_keeps_its_shape(tmp_path: Path) -> None:
    # an L-shaped prism; a fan from its first corner would reach across the notch
    shape = np.array([[8, 0], [8, 2], [2, 2], [2, 8], [0, 8], [0, 0]], float)
    lines = [f"v {x} {y} {z}" for z in (0, 10) for x, y in shape.tolist()]
    lines += ["f 6 5 4 3 2 1", "f 7 8 9 10 11 12"]
    lines += [f"f {i + 1} {(i + 1) % 6 + 1} {(i + 1) % 6 + 7} {i + 7}" for i in range(6)]
    surface = read(tmp_path, "\n".join(lines).encode(), ".obj")
    assert volume(surface) == pytest.approx(280)
    sides = surface.vertices[surface.faces]
    area = 0.5 * np.linalg.norm(np.cross(sides[:, 1] - sides[:, 0], sides[:, 2] - sides[:, 0]), axis=1).sum()
    assert area == pytest.approx(2 * 28 * UM**2 + 320 * UM**2)


HEXAHEDRA = np.array([[0, 4, 6, 2, 1, 5, 7, 3], [4, 8, 10, 6, 5, 9, 11, 7]])


@pytest.mark.parametrize(
    ("cells", "number"),
    [
        (HEXAHEDRA, 12),
        (HEXAHEDRA[:, [0, 1, 3, 2, 4, 5, 7, 6]], 11),
        (np.concatenate([HEXAHEDRA[:, [0, 1, 2, 4, 5, 6]], HEXAHEDRA[:, [0, 2, 3, 4, 6, 7]]]), 13),
        (
            np.concatenate(
                [
                    HEXAHEDRA[:, c]
                    for c in ([0, 1, 2, 6], [0, 2, 3, 6], [0, 3, 7, 6], [0, 7, 4, 6], [0, 4, 5, 6], [0, 5, 1, 6])
                ]
            ),
            10,
        ),
    ],
    ids=["hexahedra", "voxels", "wedges", "tetrahedra"],
)
def test_a_volume_mesh_gives_its_boundary(tmp_path: Path, cells: np.ndarray, number: int) -> None:
    points = np.array([[x, y, z] for x in (0, 1, 2) for y in (0, 1) for z in (0, 1)], float)
    for data, ending in (
        (xml((points, cells), "zlib", number), ".vtu"),
        (legacy((points, cells), cells=str(number)), ".vtk"),
    ):
        surface = read(tmp_path, data, ending)
        assert len(surface.faces) == 20
        assert volume(surface) == pytest.approx(2.0)
        assert f"volume mesh of {len(cells)} cells" in surface.notes[0]


def test_lengths_come_out_in_metres(tmp_path: Path) -> None:
    data = binary(tube())
    assert np.ptp(read(tmp_path, data, ".stl", "um").vertices[:, 0]) == pytest.approx(LENGTH * UM)
    assert np.ptp(read(tmp_path, data, ".stl", "0.5 um").vertices[:, 0]) == pytest.approx(0.5 * LENGTH * UM)
    assert np.ptp(read(tmp_path, binary(tube(), b"UNITS=mm"), ".stl", None).vertices[:, 0]) == pytest.approx(0.024)


def test_single_precision_far_from_the_origin_is_refused(tmp_path: Path) -> None:
    vertices, faces = tube()
    with pytest.raises(InputError, match="far from the origin"):
        read(tmp_path, binary((vertices + 1e7, faces)), ".stl")
    moved = read(tmp_path, ply((vertices + 1e7, faces), "binary_little_endian"), ".ply")
    # doubles keep nine digits of the tube there
    assert volume(moved) == pytest.approx(VOLUME, rel=1e-6)


@pytest.mark.parametrize(
    ("header", "unit", "message"),
    [
        (b"tube", None, r'spans 24 x 10 x 10.*unit = "um"'),
        (b"tube", "m", "24 x 10 x 10 of the unit m, 27.9 m across.*correct the unit"),
        (b"tube", "furlong", "vessel.unit"),
        (b"tube", "0.001 nm", "correct the unit"),
        (b"UNITS=mm", "um", "in mm by its own words"),
    ],
)
def test_a_missing_or_impossible_unit_is_refused(tmp_path: Path, header: bytes, unit: str | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, binary(tube(), header), ".stl", unit)


def with_nan() -> bytes:
    data = bytearray(binary(tube()))
    data[84 + 50 * 6 + 12 : 84 + 50 * 6 + 16] = struct.pack("<f", np.nan)
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"%PDF-1.4 no surface", "not an STL file"),
        (b"\0" * 84, "no facets"),
        (binary(tube())[:3000], "declares 288 facets at byte 80 but holds 58: it breaks off at byte 3000"),
        (binary(tube(), count=4294967295), "declares 4294967295 facets"),
        (binary(tube(), b"solid", count=7), "declares 7 facets.*should end at byte 434, but goes on"),
        (with_nan(), r"the first is facet 7 \(byte 384\)"),
        (text(tube())[:5000], r"facet 34, at byte \d+ \(line \d+\), is not complete"),
        (text(tube())[:-15], "broken off after facet 288"),
        (text(tube()).replace(b"vertex 3 ", b"vertex 3,0 "), "facet 1 has the coordinate '3,0'.*decimal points"),
        (text(tube()).replace(b"vertex 3 ", b"vertex nan "), "facet 1 has the coordinate 'nan'"),
        (b"solid x\nendsolid x\n", "no facets"),
    ],
)
def test_a_damaged_stl_file_is_refused_with_the_place(tmp_path: Path, data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, data, ".stl")
    assert "vessel.stl" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "ending", "message"),
    [
        (b"v 0 0 0\nv 1 0\n", ".obj", "line 2, 'v 1 0'"),
        (b"v 0 0 0\nf 1 2 0\n", ".obj", "line 2"),
        (b"v 0 0 0\nl 1 1\n", ".obj", "no facets in it .only 1 lines"),
        (ply(tube()).replace(b"end_header", b"end"), ".ply", "end_header"),
        (ply(tube())[:-40], ".ply", r"face 28\d of 288 is broken off"),
        (ply(tube(), "binary_little_endian")[:-40], ".ply", r"face 285 at byte \d+ is broken off"),
        (ply((np.where(np.arange(146)[:, None] == 17, np.inf, tube()[0]), tube()[1])), ".ply", "point 18 in facet"),
        (ply((tube()[0], np.vstack([tube()[1], [[0, 1, 999]]]))), ".ply", "corner 999"),
        (ply(tube()).replace(b"element face 288", b"element face 99999999999"), ".ply", "declares 99999999999"),
        (legacy(tube())[:-4000], ".vtk", "are declared"),
        (legacy(tube(), "BINARY").replace(b"POINTS 146", b"POINTS 146000000000"), ".vtk", "POINTS"),
        (legacy(tube()).replace(b"POLYDATA", b"STRUCTURED_POINTS"), ".vtk", "POLYDATA or UNSTRUCTURED_GRID is needed"),
        (legacy(tube(), cells="42"), ".vtk", "VTK type 42"),
        (xml(tube())[:-60], ".vtp", "not readable as XML"),
        (xml(tube(), "zlib").replace(b'offset="0"', b'offset="99999999"'), ".vtp", "cannot be unpacked"),
        (gmsh(tube())[:-100], ".msh", "Elements"),
        (gmsh(tube()).replace(b"$Nodes\n146", b"$Nodes\n146000000000"), ".msh", "damaged"),
        (gmsh(tube()).replace(b"\n7 0 ", b"\n7000000000 0 "), ".msh", "7000000000"),
        (b"", ".msh", "empty"),
        (b"", ".vtu", "empty"),
        (b"nothing", ".step", "not a surface format"),
    ],
)
def test_a_damaged_file_of_any_format_is_refused_with_a_reason(
    tmp_path: Path, data: bytes, ending: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, data, ending)


def test_hostile_xml_is_refused_at_once(tmp_path: Path) -> None:
    laughs = "".join(f'<!ENTITY a{k + 1} "{f"&a{k};" * 10}">' for k in range(12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a0 "ha">{laughs}]><VTKFile>&a12;</VTKFile>'.encode()
    start = time.perf_counter()
    with pytest.raises(InputError, match="DOCTYPE"):
        read(tmp_path, bomb, ".vtu")
    # expanded it would be a terabyte
    assert time.perf_counter() - start < 5


def test_random_damage_ends_in_a_surface_or_in_one_error(tmp_path: Path) -> None:
    chance = random.Random(5)
    samples = [(write(tube()), ending) for write, ending in FORMATS.values()]
    for _ in range(300):
        data, ending = chance.choice(samples)
        broken = bytearray(data)
        at = chance.randrange(len(broken)) if chance.random() < 0.6 else chance.randrange(300)
        match chance.randrange(4):
            case 0:
                del broken[at:]
            case 1:
                broken[at] ^= 1 << chance.randrange(8)
            case 2:
                broken[at : at + chance.randrange(1, 30)] = b""
            case _:
                broken[at:at] = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 6)))
        try:
            surface = read(tmp_path, bytes(broken), ending)
        except InputError as error:
            assert str(error).startswith(str(tmp_path))
        else:
            assert np.isfinite(surface.vertices).all()
            assert volume(surface) > 0
