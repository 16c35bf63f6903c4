"""A small run to write: a round lumen, two cell types of tetrahedra and a wall, with random values."""

from __future__ import annotations

import numpy as np

from hemoflow.output.results import CellFrame, CellSurfaces, FluidGrid, ResultsWriter
from hemoflow.output.tracks import TracksWriter

FACES = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]])
SPACING = 0.5e-6
ORIGIN = np.array([1e-6, 2e-6, 3e-6])
FIELDS = {"velocity": 3, "pressure": 1, "stress": 6}
WALL_FIELDS = {"wall_shear_stress": 3, "wall_shear_stress_magnitude": 1}
TENSOR = [0, 1, 2, 3, 5, 4]  # the solver's order of a symmetric tensor in that of VTK


def nodes() -> np.ndarray:
    """Nodes of a tube longer than one tile, in an arbitrary order, not starting at zero."""
    box = np.stack(np.meshgrid(np.arange(40), np.arange(9), np.arange(11), indexing="ij"), -1).reshape(-1, 3)
    round_ = box[(box[:, 1] - 4) ** 2 + (box[:, 2] - 5) ** 2 < 16]
    return np.random.default_rng(1).permutation(round_) + 5


def cells() -> list[CellSurfaces]:
    return [CellSurfaces("ctc breast", FACES, 4, np.array([7, 9])), CellSurfaces("wbc", FACES, 4, np.array([11]))]


def wall() -> tuple[np.ndarray, np.ndarray]:
    return np.random.default_rng(2).random((10, 3)) * 1e-5, np.arange(18).reshape(6, 3) % 10


def results(folder, **changes) -> ResultsWriter:
    return ResultsWriter(folder, FluidGrid(nodes(), ORIGIN, SPACING, FIELDS, **changes), cells(), wall(), WALL_FIELDS)


def step(number: int) -> tuple[float, dict, dict, dict]:
    """Arguments of `append` for one step; the same number gives the same values."""
    rng = np.random.default_rng(100 + number)
    count = len(nodes())
    fluid = {"velocity": rng.random((count, 3)), "pressure": rng.normal(size=count), "stress": rng.random((count, 6))}
    framed = {"ctc breast": frame(rng, 2), "wbc": frame(rng, 1)}
    on_wall = {"wall_shear_stress": rng.normal(size=(10, 3)), "wall_shear_stress_magnitude": rng.random(10)}
    return number * 1e-4, fluid, framed, on_wall


def frame(rng: np.random.Generator, count: int, alive=None) -> CellFrame:
    on_points = {"traction": rng.random((count, 4)), "gap": rng.random((count, 4))}
    on_faces = {"tension": rng.random((count, 4)), "areal_strain": rng.random((count, 4))}
    return CellFrame(1e-5 * rng.random((count, 4, 3)), on_points, on_faces, alive)


def tracks(folder) -> TracksWriter:
    return TracksWriter(folder, [7, 9, 11], ["ctc-1", "ctc-2", "wbc-1"], np.logspace(-2, 3, 6), ["inlet", "outlet"])


def track_row(number: int) -> tuple[float, dict, dict]:
    rng = np.random.default_rng(200 + number)
    columns = {"position": rng.random((3, 3)), "area": rng.random(3), "traction_histogram": rng.random((3, 5))}
    return number * 1e-4, columns | {"bonds": np.array([0, 2, 0])}, {"flux": rng.random(2)}
