"""One call reads every kind of vessel file, and refuses everything else with one message."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.capsules import CapsuleVessel
from hemoflow.geometry.read import kind_of, read_vessel
from hemoflow.geometry.surface_vessel import SurfaceVessel

UM = 1e-6
SWC = "# unit um\n1 2 0 0 0 4 -1\n2 2 20 0 0 4 1\n3 2 40 0 0 4 2\n"


def prism(around: int = 16, length: float = 24.0, radius: float = 5.0) -> tuple[np.ndarray, np.ndarray]:
    """Closed prism along x with outward normals."""
    angle = 2 * np.pi * np.arange(around) / around
    ring = np.stack([0 * angle, radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    vertices = np.concatenate([ring, ring + [length, 0, 0], [[0, 0, 0], [length, 0, 0]]])
    i = np.arange(around)
    j = (i + 1) % around
    ends = (np.full(around, 2 * around), np.full(around, 2 * around + 1))
    faces = [(i, j, j + around), (i, j + around, i + around), (ends[0], j, i), (ends[1], i + around, j + around)]
    return vertices, np.concatenate([np.stack(f, 1) for f in faces])


def stl() -> str:
    vertices, faces = prism()
    lines = ["solid vessel"]
    for triangle in vertices[faces].tolist():
        lines += ["facet normal 0 0 0", "outer loop", *(f"vertex {x:.9g} {y:.9g} {z:.9g}" for x, y, z in triangle)]
        lines += ["endloop", "endfacet"]
    return "\n".join([*lines, "endsolid vessel", ""])


def vtp(polygons: bool) -> str:
    vertices, faces = prism()
    if not polygons:
        vertices, faces = np.array([[0, 0, 0], [20, 0, 0], [40, 0, 0]], float), np.array([[0, 1], [1, 2]])
    section = "Polys" if polygons else "Lines"
    places = " ".join(map(str, vertices.ravel()))
    ends = " ".join(map(str, np.arange(1, len(faces) + 1) * faces.shape[1]))
    return (
        f'<VTKFile type="PolyData"><PolyData><Piece NumberOfPoints="{len(vertices)}" NumberOf{section}="{len(faces)}">'
        f'<PointData><DataArray type="Float64" Name="Radius" format="ascii">{"4 " * len(vertices)}</DataArray></PointData>'
        f'<Points><DataArray type="Float64" NumberOfComponents="3" format="ascii">{places}</DataArray></Points>'
        f'<{section}><DataArray type="Int64" Name="connectivity" format="ascii">{" ".join(map(str, faces.ravel()))}</DataArray>'
        f'<DataArray type="Int64" Name="offsets" format="ascii">{ends}</DataArray></{section}></Piece></PolyData></VTKFile>'
    )


def put(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_surface_and_a_network_come_through_the_same_call(tmp_path: Path) -> None:
    surface = read_vessel(put(tmp_path, "tube.stl", stl()), "um")
    assert isinstance(surface, SurfaceVessel)
    assert [o.name for o in surface.openings] == ["inlet", "outlet"]
    assert surface.description["source"] == "tube.stl"
    network = read_vessel(put(tmp_path, "tube.swc", SWC), "um")
    assert isinstance(network, CapsuleVessel)
    assert len(network.openings) == 2


def test_a_vtp_file_is_a_surface_with_polygons_and_a_network_with_lines(tmp_path: Path) -> None:
    assert isinstance(read_vessel(put(tmp_path, "a.vtp", vtp(True)), "um"), SurfaceVessel)
    assert isinstance(read_vessel(put(tmp_path, "b.vtp", vtp(False)), "um"), CapsuleVessel)
    with pytest.raises(InputError, match="no facets"):
        read_vessel(tmp_path / "b.vtp", "um", kind="surface")


def test_lines_in_a_legacy_file_are_sent_to_vtp(tmp_path: Path) -> None:
    text = "# vtk DataFile Version 3.0\nx\nASCII\nDATASET POLYDATA\nPOINTS 2 float\n0 0 0 9 0 0\nLINES 1 3\n2 0 1\n"
    with pytest.raises(InputError, match=r"save it as \.vtp"):
        read_vessel(put(tmp_path, "net.vtk", text), "um")


@pytest.mark.parametrize("name", ["tube.stl", "a.vtp", "tube.swc"])
def test_a_missing_unit_is_demanded_with_an_example(tmp_path: Path, name: str) -> None:
    content = {"tube.stl": stl(), "a.vtp": vtp(True), "tube.swc": SWC.split("\n", 1)[1]}[name]
    with pytest.raises(InputError, match='unit = "um"'):
        read_vessel(put(tmp_path, name, content))


@pytest.mark.parametrize("name", ["data.npy", "data.yaml", "data.h5", "data.step", "data"])
def test_other_files_are_refused_with_the_list_of_those_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"no vessel is read from.*\.stl.*\.vtp.*\.swc.*\.graphml"):
        read_vessel(put(tmp_path, name, b"\x93NUMPY"), "um")


def test_no_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_vessel(tmp_path / "none.vtp", "um")
    with pytest.raises(InputError, match="a folder"):
        read_vessel(tmp_path, "um")


def test_options_of_the_other_kind_are_refused(tmp_path: Path) -> None:
    surface, network = put(tmp_path, "t.stl", stl()), put(tmp_path, "t.swc", SWC)
    with pytest.raises(InputError, match=r"vessel\.crop"):
        read_vessel(surface, "um", piece=(np.array([[0, 0, 0], [1, 1, 1]]) * UM, None))
    with pytest.raises(InputError, match=r"vessel\.component"):
        read_vessel(surface, "um", piece=(None, "1"))
    with pytest.raises(InputError, match=r"vessel\.openings"):
        read_vessel(network, "um", openings=[("inlet", np.zeros(3))])


def test_openings_take_the_names_given_at_their_places(tmp_path: Path) -> None:
    wanted = [("vein", np.array([23.0, 1, 0]) * UM)]
    vessel = read_vessel(put(tmp_path, "t.stl", stl()), "um", openings=wanted)
    assert [o.name for o in vessel.openings] == ["inlet", "vein"]
    assert next(o for o in vessel.openings if o.name == "vein").normal == pytest.approx([1, 0, 0])


def test_the_kind_follows_the_extension_in_any_case(tmp_path: Path) -> None:
    assert kind_of(Path("x.STL")) == "surface"
    assert kind_of(Path("x.Csv")) == "network"
    assert isinstance(read_vessel(put(tmp_path, "T.STL", stl()), "um"), SurfaceVessel)


def test_damaged_files_end_in_a_vessel_or_in_one_error(tmp_path: Path) -> None:
    chance = random.Random(3)
    samples = {".stl": stl().encode(), ".vtp": vtp(True).encode(), ".swc": SWC.encode()}
    endings = [*samples, ".obj", ".ply", ".vtu", ".vtk", ".msh", ".graphml", ".csv", ".dgf", ".dat", ".txt"]
    for _ in range(150):
        ending, data = chance.choice(list(samples.items()))
        broken = bytearray(data)
        match chance.randrange(3):
            case 0:
                del broken[chance.randrange(len(broken)) :]
            case 1:
                for _ in range(chance.randrange(1, 9)):
                    broken[chance.randrange(len(broken))] = chance.randrange(256)
            case _:
                ending = chance.choice(endings)
        try:
            vessel = read_vessel(put(tmp_path, f"x{ending}", bytes(broken)), "um")
        except InputError as error:
            assert str(error)
        else:
            assert np.isfinite(vessel.signed_distance(np.asarray(vessel.bounds))).all()
