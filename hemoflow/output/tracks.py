"""Writing tracks.h5: what each cell and each opening goes through, one row per output time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hemoflow.errors import InputError, RunError
from hemoflow.output.hdf5 import IN_PLACE, VERSIONS
from hemoflow.output.journal import changing, finish_pending
from hemoflow.output.layout import CELL_TRACKS, CELL_WIDTHS, FLOW_TRACKS, INTEGER_TRACKS, TRACKS

FORMAT = 1
_CHUNK_BYTES = 1 << 14


class TracksWriter:
    """Appends rows to tracks.h5 of a run folder; an existing file of the same cells is continued.

    Between two calls the file is closed and complete: a process killed at any moment leaves every earlier row readable.
    """

    def __init__(
        self,
        folder: str | Path,
        ids: ArrayLike,
        names: Sequence[str],
        traction_bins: ArrayLike,
        openings: Sequence[str] = (),
    ) -> None:
        """ids (C,) and names (C,) of the cells, edges (B+1,) of the traction histogram in Pa, names (O,) of the
        openings.

        Raises InputError if the file there was made for something else, RunError on failure to write.
        """
        self.path = Path(folder) / TRACKS
        self._fixed: dict[str, NDArray[Any]] = {
            "cells/id": np.asarray(ids, np.int64).reshape(-1),
            "cells/name": np.array(list(names), object).reshape(-1),
            "traction_bins": np.asarray(traction_bins, float).reshape(-1),
            "flow/opening_names": np.array(list(openings), object).reshape(-1),
        }
        if len(self._fixed["cells/id"]) != len(self._fixed["cells/name"]):
            raise RunError(f"{len(self._fixed['cells/id'])} cells but {len(self._fixed['cells/name'])} names")
        finish_pending(self.path)
        if not self.path.exists():
            self._make()
        self._times = self._continue()

    @property
    def count(self) -> int:
        """Rows written."""
        return len(self._times)

    @property
    def times(self) -> NDArray[np.float64]:
        """Their times in s."""
        return np.asarray(self._times, float)

    def append(self, time: float, cells: Mapping[str, ArrayLike], flow: Mapping[str, ArrayLike] | None = None) -> None:
        """Add a row at `time` (s, later than the last): `cells` by the names of CELL_TRACKS, each (C, ...), `flow` by
        those of FLOW_TRACKS, each (O,); SI units. What is left out is stored as unknown (not-a-number; 0 bonds,
        cluster -1).

        Raises RunError for an unknown name, a wrong shape or time and when the disk fails; then the file holds the
        rows before.
        """
        if self._times and not time > self._times[-1]:
            raise RunError(
                f"{self.path.name} already reaches {self._times[-1]} s, so {time} s cannot follow; rewind first"
            )
        row = {f"cells/{name}": value for name, value in cells.items()}
        row |= {f"flow/{name}": value for name, value in (flow or {}).items()}
        unknown = sorted(set(row) - set(self._shapes()))
        if unknown:
            raise RunError(f"{self.path.name} has no {', '.join(unknown)}")
        prepared = {name: _row(name, row.get(name), shape) for name, shape in self._shapes().items()}
        with changing(self.path) as stored, _hdf5(stored, "r+") as file:
            for name, value in prepared.items():
                _append(file[name], value)
            _append(file["time"], np.float64(time))
        self._times.append(float(time))

    def truncate(self, count: int) -> None:
        """Keep the first `count` rows (fewer if there are fewer)."""
        if count < self.count:
            with changing(self.path) as stored, _hdf5(stored, "r+") as file:
                for name in ("time", *self._shapes()):
                    file[name].resize(count, 0)
            del self._times[count:]

    def rewind(self, time: float) -> None:
        """Keep the rows at or before `time` (s)."""
        self.truncate(int(np.searchsorted(self.times, time * (1 + 1e-12), side="right")))

    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of one row of each growing dataset."""
        cells, openings = len(self._fixed["cells/id"]), len(self._fixed["flow/opening_names"])
        bins = max(0, len(self._fixed["traction_bins"]) - 1)
        shapes: dict[str, tuple[int, ...]] = {}
        for name in CELL_TRACKS:
            width = bins if name == "traction_histogram" else CELL_WIDTHS.get(name, 0)
            shapes[f"cells/{name}"] = (cells, width) if width else (cells,)
        return shapes | {f"flow/{name}": (openings,) for name in FLOW_TRACKS}

    def _make(self) -> None:
        import h5py

        with changing(self.path) as stored, _hdf5(stored, "w") as file:
            file.attrs["hemoflow_tracks"] = np.int64(FORMAT)
            _grow(file, "time", (), "s")
            for name, shape in self._shapes().items():
                part, short = name.split("/")
                _grow(file, name, shape, (CELL_TRACKS if part == "cells" else FLOW_TRACKS)[short])
            for name, values in self._fixed.items():
                kind = h5py.string_dtype("utf-8") if values.dtype == object else values.dtype
                file.create_dataset(name, data=values, dtype=kind)
            file["traction_bins"].attrs["unit"] = "Pa"

    def _continue(self) -> list[float]:
        import h5py

        try:
            with h5py.File(self.path, "r") as file:
                for name, values in self._fixed.items():
                    there = file[name].asstr()[:] if values.dtype == object else file[name][:]
                    if not np.array_equal(there, values):
                        raise InputError(f"{self.path} was written with another {name}; choose another run folder")
                return [float(t) for t in file["time"][:]]
        except (OSError, KeyError, RuntimeError, TypeError) as error:
            raise InputError(f"{self.path} is damaged or not a file of hemoflow: {error}") from error


def _hdf5(stored: Any, mode: str) -> Any:
    import h5py

    return h5py.File(stored, mode, libver=VERSIONS)


def _is_integer(name: str) -> bool:
    return name.split("/")[-1] in INTEGER_TRACKS


def _grow(file: Any, name: str, shape: tuple[int, ...], unit: str) -> None:
    size = max(8, 8 * int(np.prod(shape, dtype=np.int64)))
    chunk = (max(1, min(256, _CHUNK_BYTES // size)), *(max(1, n) for n in shape))
    # An axis without entries (no cells, no openings) must be growable, or HDF5 refuses a chunk of one.
    most = (None, *(n or None for n in shape))
    kind = np.int64 if _is_integer(name) else np.float64
    file.create_dataset(name, (0, *shape), kind, maxshape=most, chunks=chunk, **IN_PLACE).attrs["unit"] = unit


def _row(name: str, given: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    kind: Any = np.int64 if _is_integer(name) else np.float64
    if given is None:
        return np.full(shape, INTEGER_TRACKS[name.split("/")[-1]] if _is_integer(name) else np.nan, kind)
    value = np.asarray(given)
    if value.shape != shape:
        raise RunError(f"{name} has the shape {value.shape}, but a row of tracks.h5 needs {shape}")
    return value.astype(kind)


def _append(dataset: Any, value: Any) -> None:
    first = dataset.shape[0]
    dataset.resize(first + 1, 0)
    dataset[first] = value
