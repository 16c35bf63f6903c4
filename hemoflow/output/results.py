"""Writing results.vtkhdf and results.xdmf: fluid, cells and wall of each written step, in SI units."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError, RunError
from hemoflow.output.hdf5 import VERSIONS
from hemoflow.output.image import FluidGrid, ImageBlock
from hemoflow.output.journal import changing, finish_pending
from hemoflow.output.layout import RESULTS, RESULTS_INDEX, block_name
from hemoflow.output.vtkhdf import ROOT, Block, Surface, SurfaceBlock, make_collection
from hemoflow.output.xdmf import write_xdmf

FORMAT = 1
"""Version of what hemoflow puts into the file; a higher one is refused."""

_INDEX_ALWAYS = 128  # steps up to which results.xdmf is renewed with each; later with every 32nd and at the end


@dataclass(frozen=True)
class CellSurfaces:
    """All cells of one type: triangles of one cell `faces` (F, 3), its `vertices` V, persistent `ids` (C,), and the
    components of the fields on vertices and faces."""

    name: str
    faces: NDArray[np.integer]
    vertices: int
    ids: NDArray[np.integer]
    point_fields: Mapping[str, int] = field(default_factory=lambda: {"traction": 1, "gap": 1})
    cell_fields: Mapping[str, int] = field(default_factory=lambda: {"tension": 1, "areal_strain": 1})

    def surface(self) -> Surface:
        """The C cells as one surface, the id of its cell on each face."""
        ids = np.asarray(self.ids, np.int64)
        faces = np.asarray(self.faces, np.int64)[None] + self.vertices * np.arange(len(ids))[:, None, None]
        constant = {"cell_id": np.repeat(ids, len(self.faces))}
        return Surface(len(ids) * self.vertices, faces.reshape(-1, 3), self.point_fields, self.cell_fields, constant)


@dataclass(frozen=True)
class CellFrame:
    """One type's cells at one time: points (C, V, 3) m, values on vertices (C, V[, k]) and on faces (C, F[, k]), SI;
    `alive` (C,): a cell that is gone is shown as a point where it was seen last, with values not-a-number."""

    points: Any
    point: Mapping[str, Any]
    cell: Mapping[str, Any]
    alive: Any = None


class ResultsWriter:
    """Appends steps to results.vtkhdf of a run folder and keeps results.xdmf in step with it.

    An existing file is continued, so a resumed run calls the same constructor, then `truncate`. Between two calls the
    file is closed and complete: a process killed at any moment leaves every earlier step readable. A context manager
    (`close` renews the .xdmf).
    """

    def __init__(
        self,
        folder: str | Path,
        fluid: FluidGrid,
        cells: Sequence[CellSurfaces] = (),
        wall: tuple[NDArray[np.floating], NDArray[np.integer]] | None = None,
        wall_fields: Mapping[str, int] | None = None,
    ) -> None:
        """wall: vertices (P, 3) m and faces (F, 3), with the components of the fields on its vertices. Raises InputError if
        the file there was made for something else, RunError on failure to write."""
        self.path = Path(folder) / RESULTS
        self._index = Path(folder) / RESULTS_INDEX
        self._fluid = fluid
        self._cells = {block_name(group.name): group for group in cells if len(group.ids)}
        if len(self._cells) != sum(1 for group in cells if len(group.ids)):
            raise InputError(f"two cell types have the same name: {sorted(group.name for group in cells)}")
        finish_pending(self.path)
        if not self.path.exists():
            self._make(wall, wall_fields or {})
        self._times = self._continue()
        self._indexed = -1
        self._write_index()

    def __enter__(self) -> ResultsWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def count(self) -> int:
        """Steps written."""
        return len(self._times)

    @property
    def times(self) -> NDArray[np.float64]:
        """Their times in s."""
        return np.asarray(self._times, float)

    def append(
        self,
        time: float,
        fluid: Mapping[str, Any],
        cells: Mapping[str, CellFrame],
        wall: Mapping[str, Any] | None = None,
    ) -> None:
        """Add a step at `time` (s, later than the last): fluid fields (N[, k]) over all nodes, a CellFrame per cell
        type by name, fields (P[, k]) on the vertices of the wall.

        Raises RunError for wrong names, shapes or times and when the disk fails; then the file holds the steps before.
        """
        if self._times and not time > self._times[-1]:
            raise RunError(
                f"{self.path.name} already reaches {self._times[-1]} s, so {time} s cannot follow; rewind first"
            )
        frames = {block_name(name): frame for name, frame in cells.items() if block_name(name) in self._cells}
        missing = set(self._cells) - set(frames)
        if missing:
            raise RunError(f"{self.path.name}: no values for the cells {sorted(missing)}")
        with changing(self.path) as stored, _hdf5(stored, "r+") as file:
            root = file[ROOT]
            ImageBlock(root["fluid"]).append(time, self._fluid, fluid)
            for name, frame in frames.items():
                block = SurfaceBlock(root[name])
                points, point, cell = _flat(frame, self._last_points(block))
                block.append(time, points, point, cell)
            if "wall" in root:
                SurfaceBlock(root["wall"]).append(time, None, wall or {}, {})
            Block(root).tick(time)
        self._times.append(float(time))
        if self.count <= _INDEX_ALWAYS or self.count % 32 == 0:
            self._write_index()

    def truncate(self, count: int) -> None:
        """Keep the first `count` steps (fewer if there are fewer)."""
        if count < self.count:
            with changing(self.path) as stored, _hdf5(stored, "r+") as file:
                for block in _blocks(file[ROOT]):
                    block.cut(count)
                Block(file[ROOT]).cut(count)
            del self._times[count:]
            self._write_index()

    def rewind(self, time: float) -> None:
        """Keep the steps at or before `time` (s)."""
        self.truncate(int(np.searchsorted(self.times, time * (1 + 1e-12), side="right")))

    def close(self) -> None:
        """Bring results.xdmf up to date."""
        if self._indexed != self.count:
            self._write_index()

    def _make(
        self, wall: tuple[NDArray[np.floating], NDArray[np.integer]] | None, wall_fields: Mapping[str, int]
    ) -> None:
        with changing(self.path) as stored, _hdf5(stored, "w") as file:
            file.create_group("hemoflow").attrs["format"] = np.int64(FORMAT)
            root = make_collection(file)
            ImageBlock.make(root, "fluid", 0, self._fluid)
            for index, (name, group) in enumerate(self._cells.items(), 1):
                SurfaceBlock.make(root, name, index, group.surface())
            if wall is not None:
                vertices, faces = (np.asarray(part) for part in wall)
                surface = Surface(len(vertices), faces, wall_fields, {}, {}, vertices)
                SurfaceBlock.make(root, "wall", len(self._cells) + 1, surface)

    def _continue(self) -> list[float]:
        """Times of an existing file. Raises InputError when it was made for another grid or other cells."""
        import h5py

        try:
            with h5py.File(self.path, "r") as file:
                root = file[ROOT]
                ImageBlock(root["fluid"]).check(self._fluid)
                held = set(root["Assembly"]) - {"fluid", "wall"}
                if held != set(self._cells):
                    raise InputError(f"{self.path} holds the cells {sorted(held)}, not {sorted(self._cells)}")
                for name, group in self._cells.items():
                    if not np.array_equal(root[name]["CellData/cell_id"][:], group.surface().constant["cell_id"]):
                        raise InputError(f"{self.path}: {name} was written with other cells or another mesh")
                return [float(t) for t in root["Steps/Values"][: Block(root).count]]
        except (OSError, KeyError, RuntimeError) as error:
            raise InputError(f"{self.path} is damaged or not a file of hemoflow: {error}") from error

    @staticmethod
    def _last_points(block: SurfaceBlock) -> NDArray[np.float32] | None:
        rows, stored = block.rows("PointData"), block.group["Points"]
        return np.asarray(stored[-rows:]) if len(stored) else None

    def _write_index(self) -> None:
        write_xdmf(self.path, self._index)
        self._indexed = self.count


def _hdf5(stored: Any, mode: str) -> Any:
    import h5py

    return h5py.File(stored, mode, libver=VERSIONS)


def _blocks(root: Any) -> list[Block]:
    """The blocks of an open file in their order."""
    return [ImageBlock(root[name]) if name == "fluid" else SurfaceBlock(root[name]) for name in root["Assembly"]]


def _flat(frame: CellFrame, last: NDArray[np.float32] | None) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Points and values of all cells in one row each; cells that are gone become one point without values."""
    points = np.array(frame.points, np.float32)
    cells, vertices = points.shape[:2]
    gone = np.zeros(cells, bool) if frame.alive is None else ~np.asarray(frame.alive, bool)
    if gone.any():
        seen = points if last is None else last.reshape(points.shape)
        points[gone] = np.nan_to_num(seen[gone].mean(axis=1, keepdims=True))

    def values(given: Mapping[str, Any]) -> dict[str, Any]:
        flat = {}
        for name, value in given.items():
            array = np.array(value, np.float32)
            array[gone] = np.nan
            flat[name] = array.reshape(-1, *array.shape[2:])
        return flat

    return points.reshape(cells * vertices, 3), values(frame.point), values(frame.cell)
