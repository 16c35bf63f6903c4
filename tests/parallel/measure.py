"""Runs small cases on 1, 2 and 4 devices of one process and prints what differs, as JSON; test_devices.py starts it with four."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hemoflow.build import Setup, make_plan, make_setup
from hemoflow.case import read_case
from hemoflow.coupling.kernel import stencil
from hemoflow.model import State
from hemoflow.native import VARIABLE
from hemoflow.run.engine import ManyDevices, OneDevice
from hemoflow.run.storage import from_arrays, to_arrays

CHUNK = 100

CELL = """
[vessel]
formula = "constriction"
length = "30 um"
diameter = "12 um"
neck_diameter = "9 um"
neck_length = "2 um"
taper_length = "6 um"
[flow]
pressure_drop = "100 Pa"
[resolution]
node_spacing = "1 um"
[contact]
cell_range = "0.3 um"
[[cells]]
type = "ctc-colorectal"
name = "behind"
diameter = "8 um"
vertices = 162
position = ["4.7 um", "0 um", "0 um"]
[[cells]]
type = "ctc-colorectal"
name = "ahead"
diameter = "8 um"
vertices = 162
position = ["12.8 um", "0 um", "0 um"]
[run]
until = "0.4 ms"
[output]
every = "0.05 ms"
"""

REST = """
[resolution]
node_spacing = "1 um"
[run]
until = "1 ms"
"""

FLUIDS = {
    "bifurcation": """
[vessel]
formula = "bifurcation"
length = "20 um"
diameter = "9 um"
daughter_length = "16 um"
[flow]
mean_velocity = "1 mm/s"
""",
    "moving wall": """
[vessel]
formula = "channel"
length = "14 um"
width = "7 um"
height = "8 um"
periodic = ["x"]
wall_velocity = { "y+" = ["2 mm/s", "0 mm/s", "0 mm/s"] }
[flow]
body_force = "20 kPa/m"
""",
    "closed box": """
[vessel]
formula = "box"
length = "13 um"
width = "7 um"
height = "8 um"
[flow]
body_force = ["20 kPa/m", "10 kPa/m", "-30 kPa/m"]
""",
}


def setup_of(text: str, folder: Path, precision: str) -> Setup:
    """A case ready to run; precision must be that of JAX."""
    path = folder / "case.toml"
    path.write_text(text)
    return make_setup(make_plan(read_case(path, [f"resolution.precision={precision}"])))


class Course:
    """200 steps of a case on some devices, in two chunks, and the state between them."""

    def __init__(self, setup: Setup, devices: int) -> None:
        self.setup, model = setup, setup.model
        self.engine = OneDevice(model) if devices == 1 else ManyDevices(model, jax.devices()[:devices])
        self.half = self.engine.whole(self.chunk(setup.state, 0))
        self.end = self.chunk(self.half, CHUNK)

    def chunk(self, state: State, step: int) -> State:
        """The state a chunk of steps later."""
        drives = jnp.asarray(self.setup.drives.table(step, CHUNK), jnp.result_type(float))
        state, self.report = self.engine.run(self.engine.enter(state), drives)
        return state

    def arrays(self, observed: bool = False) -> dict[str, Any]:
        """Every array of the end, and what is observed of it."""
        drive = jnp.asarray(self.setup.drives.at(2 * CHUNK), jnp.result_type(float))
        seen = self.engine.observe(self.end, drive) if observed else None
        leaves, _ = jax.tree_util.tree_flatten_with_path((self.engine.whole(self.end), self.report, seen))
        return {jax.tree_util.keystr(path): np.asarray(leaf) for path, leaf in leaves}


def apart(one: dict[str, Any], other: dict[str, Any]) -> dict[str, float]:
    """Largest difference of every array over its largest value."""
    return {
        name: float(np.max(np.abs(a.astype(float) - other[name])) / max(np.max(np.abs(a)), 1e-30))
        for name, a in one.items()
        if a.size
    }


def moved_cell(folder: Path) -> dict[str, Any]:
    """Two cells that touch, one over a cut: one device against four, and one that goes on from the checkpoint of four; how many devices
    the vertices are spread over."""
    found: dict[str, Any] = {}
    with jax.enable_x64(True):
        setup = setup_of(CELL, folder, "float64")
        one, four = Course(setup, 1), Course(setup, 4)
        found["four"] = apart(one.arrays(True), four.arrays(True))
        one.end = one.chunk(from_arrays(to_arrays(four.half), setup.state), CHUNK)
        found["four, then one"] = apart(four.arrays(), one.arrays())
        cell = four.end.cells[0]
        spots = np.asarray(cell.anchor[:, None] + cell.offset).reshape(-1, 3)
        ids = np.asarray(
            stencil(setup.model.layout, np.zeros(spots.shape, np.int32), spots, setup.model.kernel_width)[0]
        )
        found["spread"] = len(np.unique(four.engine.split.partition.owner[ids[ids < setup.model.layout.count]]))
    return found


def fluid(folder: Path, name: str, tier: str = "", precision: str = "float64", devices: int = 4) -> dict[str, Any]:
    """A fluid on several devices in one tier against one device in the fastest, and its mass."""
    with jax.enable_x64(precision == "float64"):
        one = Course(setup_of(FLUIDS[name] + REST, folder, precision), 1)
        if tier:
            os.environ[VARIABLE] = tier
        many = Course(setup_of(FLUIDS[name] + REST, folder, precision), devices)
        os.environ.pop(VARIABLE, None)
        nodes, mass = many.engine.split.partition.counts, many.engine.mass(many.end)
        return {"apart": apart(one.arrays(), many.arrays()), "nodes": nodes.tolist(), "mass": mass}


def main(folder: Path) -> dict[str, Any]:
    """All that test_devices.py asks about."""
    return {
        "cell": moved_cell(folder),
        "fluids": {name: fluid(folder, name) for name in FLUIDS},
        "two": fluid(folder, "bifurcation", devices=2),
        "float32": fluid(folder, "bifurcation", precision="float32"),
        "pure JAX": fluid(folder, "bifurcation", "jax"),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]))))
