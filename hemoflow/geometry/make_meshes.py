"""Writes the vessels that ship in meshes/ and their manifest: `python -m hemoflow.geometry.make_meshes`.

The surfaces come from the formulas of hemoflow.geometry.formula; the rat brain network is brought back to its true size
from the scaled file it was published in. Running it again on the same machine changes no byte.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hemoflow.geometry.capsules import CapsuleVessel
from hemoflow.geometry.formula import make_vessel
from hemoflow.geometry.formula_block import SlitVessel
from hemoflow.geometry.formula_lathe import LatheVessel
from hemoflow.geometry.formula_straight import throat_stations
from hemoflow.geometry.vessel import AbstractVessel
from hemoflow.resources import data_folder

Array = NDArray[np.float64]
UM = 1e-6

RAT_BRAIN_SCALE = (84.9, 89.9, 79.9)
"""Micrometres per unit of the published file along x, y, z: the bed fills 150 x 160 x 129.4 um."""

RAT_BRAIN_RADIUS = 22.475
"""Micrometres of radius per unit of the published file's first segment parameter: diameters are then 4 to 9 um, whole."""


@dataclass(frozen=True)
class Entry:
    """One vessel of the manifest. `formula` and `parameters` (SI) where it was made from a formula."""

    file: str
    what: str
    source: str
    licence: str
    unit: str = "um"
    kind: str = "surface"
    openings: int = 2
    formula: str = ""
    parameters: dict[str, float] = field(default_factory=dict)


OWN = "hemoflow.geometry.make_meshes"
OWN_LICENCE = "Apache-2.0"
BRAIN = (
    "github.com/CancerModeling/Angiogenesis3D1D, commit 77527d3facd127e225ccb9e53874ddbba2096744, "
    "examples/two_vessels/data/ratbrain_network.dgf; the rat cortex bed that Secomb's GreensV4 carries too"
)

ENTRIES = (
    Entry(
        "capillary_constriction.stl",
        "round capillary of 15 um with a throat of 8.5 um, 60 um long, open at both ends: the quickstart's vessel",
        OWN,
        OWN_LICENCE,
        formula="constriction",
        parameters={
            "length": 60 * UM,
            "diameter": 15 * UM,
            "neck_diameter": 8.5 * UM,
            "neck_length": 4 * UM,
            "taper_length": 10 * UM,
        },
    ),
    Entry(
        "au2016_constriction.stl",
        "microfluidic channel with a square throat of 7 x 7 um as in Au et al. 2016, who used 5 to 10 um; the throat's length "
        "(50 um), the tapers and the channel of 20 x 20 um on both sides are chosen here, not theirs",
        f"{OWN}; throat size: Au et al. 2016, doi:10.1073/pnas.1524448113",
        OWN_LICENCE,
        formula="slit",
        parameters={
            "length": 130 * UM,
            "width": 20 * UM,
            "height": 20 * UM,
            "neck_width": 7 * UM,
            "neck_height": 7 * UM,
            "neck_length": 50 * UM,
            "taper_length": 20 * UM,
        },
    ),
    Entry(
        "y_bifurcation.stl",
        "Y of round capillaries: parent of 10 um, two daughters of 7.94 um (Murray's law), 70 deg apart",
        OWN,
        OWN_LICENCE,
        openings=3,
        formula="bifurcation",
        parameters={
            "length": 40 * UM,
            "diameter": 10 * UM,
            "daughter_length": 40 * UM,
            "daughter_diameter": 10 * UM / 2 ** (1 / 3),
            "angle": math.radians(70),
        },
    ),
    Entry(
        "honeycomb_bed.stl",
        "flat bed of capillaries of 8 um along 2 x 3 hexagons of 22 um sides, one inlet and one outlet",
        OWN,
        OWN_LICENCE,
        formula="honeycomb",
        parameters={"diameter": 8 * UM, "edge_length": 22 * UM, "rows": 2, "columns": 3, "inlets": 1},
    ),
    Entry(
        "rat_brain_um.dgf",
        "capillaries of a rat's cerebral cortex, 49 segments of 4 to 9 um in 150 x 160 x 129 um: sources/rat_brain.dgf at its "
        "true size, a radius (um) per segment, the vertex parameter as published",
        f"{OWN} from {BRAIN}",
        "BSL-1.0 (licences/BSL-1.0.txt)",
        kind="network",
        openings=10,
    ),
    Entry(
        "sources/rat_brain.dgf",
        "the same network as published, byte for byte: coordinates scaled differently along x, y, z, segment parameters "
        "(scaled diameter, flow) not named",
        BRAIN,
        "BSL-1.0 (licences/BSL-1.0.txt)",
        unit="1",
        kind="network",
        openings=10,
    ),
)


def make_meshes(folder: Path) -> list[Path]:
    """Write every vessel of `ENTRIES` and manifest.toml into `folder`, which holds sources/; returns what was written."""
    written = []
    for entry in ENTRIES:
        path = folder / entry.file
        if entry.formula:
            vertices, faces = _wall(make_vessel(entry.formula, (), **entry.parameters))
            write_stl(path, vertices / UM, faces, f"hemoflow {path.stem}, unit um")
            written.append(path)
        elif not entry.file.startswith("sources/"):
            path.write_text(true_size((folder / "sources" / "rat_brain.dgf").read_text()))
            written.append(path)
    manifest = folder / "manifest.toml"
    manifest.write_text(_manifest(folder))
    return [*written, manifest]


def _wall(vessel: AbstractVessel) -> tuple[Array, NDArray[np.int64]]:
    """The wall, finer than a picture needs: small faces in throats, lumen volume within 0.5 %."""
    if isinstance(vessel, LatheVessel):
        p = vessel.description["parameters"]
        rings = throat_stations(p["length"], p["neck_length"], p["taper_length"], 0.07 * p["neck_diameter"])
        return vessel.wall(rings, 56)
    if isinstance(vessel, SlitVessel):
        p = vessel.description["parameters"]
        return vessel.wall(
            throat_stations(p["length"], p["neck_length"], p["taper_length"], 0.12 * p["neck_width"]), 10
        )
    assert isinstance(vessel, CapsuleVessel)
    return vessel.wall(float(np.median(vessel.radii)) / 3.8)


def write_stl(path: Path, vertices: Array, faces: NDArray[np.int64], header: str) -> None:
    """A binary STL file: `vertices` (V, 3) in the file's unit, `faces` (F, 3), a header of at most 80 characters."""
    corners = vertices[faces].astype("<f4")
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-30)
    record = np.zeros(len(faces), np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("spare", "<u2")]))
    record["normal"], record["corners"] = normals, corners
    path.write_bytes(
        header.encode("ascii")[:80].ljust(80) + np.uint32(len(faces)).astype("<u4").tobytes() + record.tobytes()
    )


def true_size(published: str) -> str:
    """The published rat brain network (DGF) in micrometres with one parameter per segment, its radius."""
    lines = published.splitlines()
    middle = next(k for k, line in enumerate(lines) if line.strip().upper() == "SIMPLEX")
    out = [lines[0], lines[1], lines[2]]
    for line in lines[3:middle]:
        row = line.split()
        if len(row) == 4:
            place = [f"{float(x) * scale:.4g}" for x, scale in zip(row[:3], RAT_BRAIN_SCALE, strict=True)]
            out.append(" ".join([*place, row[3]]))
        else:
            out.append(line)
    out += [lines[middle], "parameters 1"]
    for line in lines[middle + 2 :]:
        row = line.split()
        out.append(f"{row[0]} {row[1]} {float(row[2]) * RAT_BRAIN_RADIUS:.3g}" if len(row) == 4 else line)
    return "\n".join(out) + "\n"


def _manifest(folder: Path) -> str:
    head = "# Vessels that ship with hemoflow; written by python -m hemoflow.geometry.make_meshes. Parameters are SI.\n"
    return head + "".join(_entry(folder, entry) for entry in ENTRIES)


def _entry(folder: Path, entry: Entry) -> str:
    digest = hashlib.sha256((folder / entry.file).read_bytes()).hexdigest()
    texts = {"file": entry.file, "kind": entry.kind, "unit": entry.unit, "what": entry.what, "source": entry.source}
    texts |= {"licence": entry.licence, "sha256": digest}
    lines = ["", "[[vessel]]", *(f'{key} = "{value}"' for key, value in texts.items()), f"openings = {entry.openings}"]
    if entry.formula:
        inner = ", ".join(f"{key} = {value:.9g}" for key, value in entry.parameters.items())
        lines += [f'formula = "{entry.formula}"', f"parameters = {{ {inner} }}"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    for made in make_meshes(data_folder("meshes")):
        print(made)
