"""The vessels that ship: the manifest is true, every file loads, and the pictures of vessels can be drawn."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path

import numpy as np
import pytest

from hemoflow.geometry.formula import make_vessel
from hemoflow.geometry.make_meshes import ENTRIES, make_meshes
from hemoflow.geometry.preview import preview
from hemoflow.geometry.read import read_vessel
from hemoflow.resources import data_folder

FOLDER = data_folder("meshes")
MANIFEST = tomllib.loads((FOLDER / "manifest.toml").read_text())["vessel"]
READY = [entry for entry in MANIFEST if entry["unit"] == "um"]


def by_file(entry: dict) -> str:
    return entry["file"]


@pytest.mark.parametrize("entry", MANIFEST, ids=by_file)
def test_the_manifest_states_unit_source_licence_and_checksum_of_a_file(entry: dict) -> None:
    assert hashlib.sha256((FOLDER / entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
    assert all(entry[key] for key in ("kind", "unit", "what", "source", "licence"))
    assert (FOLDER / entry["file"]).stat().st_size < 2e6


def test_no_file_is_missing_from_the_manifest() -> None:
    found = {str(p.relative_to(FOLDER)) for p in FOLDER.rglob("*") if p.suffix in (".stl", ".dgf", ".swc", ".vtp")}
    assert found == {entry["file"] for entry in MANIFEST} == {entry.file for entry in ENTRIES}


def test_making_the_meshes_again_gives_the_same_network_and_surfaces(tmp_path: Path) -> None:
    (tmp_path / "sources").mkdir()
    (tmp_path / "sources" / "rat_brain.dgf").write_bytes((FOLDER / "sources" / "rat_brain.dgf").read_bytes())
    make_meshes(tmp_path)
    for entry in MANIFEST:
        again, kept = (folder / entry["file"] for folder in (tmp_path, FOLDER))
        if entry["kind"] == "network":
            assert again.read_bytes() == kept.read_bytes()
        else:
            # Another processor may round the last digit of a coordinate differently.
            new, old = corners(again), corners(kept)
            assert new.shape == old.shape
            assert enclosed(new) == pytest.approx(enclosed(old), rel=1e-5)


def corners(path: Path) -> np.ndarray:
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")])
    return np.frombuffer(path.read_bytes(), record, offset=84)["corners"].astype(float)


def enclosed(triangles: np.ndarray) -> float:
    """Volume under the triangles as seen from the origin."""
    return float(np.einsum("ij,ij->", triangles[:, 0], np.cross(triangles[:, 1], triangles[:, 2])) / 6)


@pytest.mark.parametrize("entry", READY, ids=by_file)
def test_a_shipped_vessel_loads_with_its_openings_and_volume(entry: dict) -> None:
    vessel = read_vessel(FOLDER / entry["file"], unit=entry["unit"])
    assert len(vessel.openings) == entry["openings"]
    if "formula" in entry:
        made = make_vessel(entry["formula"], (), **entry["parameters"])
        assert vessel.volume == pytest.approx(made.volume, rel=0.01)
        for opening in made.openings:
            nearest = next(o for o in vessel.openings if o.name == opening.name)
            assert np.linalg.norm(nearest.centre - opening.centre) < 0.05 * opening.radius
            assert nearest.normal @ opening.normal > 0.999
            assert nearest.area == pytest.approx(opening.area, rel=0.02)


def test_the_rat_brain_has_its_published_size() -> None:
    lines = (FOLDER / "rat_brain_um.dgf").read_text().splitlines()
    middle = lines.index("SIMPLEX")
    places = np.array([[float(x) for x in line.split()[:3]] for line in lines[3:middle] if len(line.split()) == 4])
    radii = np.array([float(line.split()[2]) for line in lines[middle + 2 :] if len(line.split()) == 3])
    assert len(places) == 48 and len(radii) == 49
    np.testing.assert_allclose(np.ptp(places, axis=0), [150, 160, 129.4], atol=0.2)
    diameters = 2 * radii
    np.testing.assert_allclose(diameters, np.round(diameters), atol=0.01)
    assert (diameters.min(), diameters.max()) == pytest.approx((4, 9), abs=0.01)


@pytest.mark.parametrize(("name", "axes"), [("bifurcation", ()), ("box", ("x", "y", "z")), ("channel", ("x",))])
def test_a_preview_is_a_picture_that_is_not_blank(name: str, axes: tuple[str, ...], tmp_path: Path) -> None:
    import matplotlib.image

    path = preview(make_vessel(name, axes), tmp_path / "vessel.png")
    picture = matplotlib.image.imread(path)
    assert picture.shape[1] > 1000
    assert picture[..., :3].std() > 0.01
