"""Surfaces in the formats of VTK: PolyData and UnstructuredGrid, as XML (.vtp, .vtu) or in the older format (.vtk)."""

from __future__ import annotations

import re

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.network_vtp import _array, _named, _numbers, _open
from hemoflow.geometry.surface_raw import SOLIDS, Faces, RawSurface

CELL_TYPES = {
    1: "points", 2: "points", 3: "lines", 4: "lines", 5: "triangle", 6: "strip", 7: "polygon", 8: "pixel", 9: "quad", 10: "tetra",
    11: "voxel", 12: "hexahedron", 13: "wedge", 14: "pyramid", 21: "lines", 22: "triangle", 23: "quad", 24: "tetra", 25: "hexahedron",
    26: "wedge", 27: "pyramid", 28: "quad", 29: "hexahedron", 34: "triangle", 69: "triangle", 70: "quad", 71: "tetra",
    72: "hexahedron", 73: "wedge", 74: "pyramid",
}  # fmt: skip
"""Kinds of cells by VTK number; of curved cells the corners are used, which come first."""

CORNERS = {"triangle": 3, "quad": 4, "pixel": 4, **{kind: corners for kind, (corners, _) in SOLIDS.items()}}

WORDS = {
    "char": "i1", "signed_char": "i1", "unsigned_char": "u1", "short": "i2", "unsigned_short": "u2", "int": "i4", "unsigned_int": "u4",
    "long": "i8", "unsigned_long": "u8", "vtkidtype": "i8", "float": "f4", "double": "f8", "vtktypeint8": "i1", "vtktypeuint8": "u1",
    "vtktypeint16": "i2", "vtktypeuint16": "u2", "vtktypeint32": "i4", "vtktypeuint32": "u4", "vtktypeint64": "i8",
    "vtktypeuint64": "u8",
}  # fmt: skip

Numbers = NDArray[np.generic]


def parse_vtk_xml(data: bytes) -> RawSurface:
    """Polygons and strips of a .vtp, or the cells of a .vtu (ascii, base64 or raw; inline or appended; zlib or lzma), of all pieces.

    Raises InputError for what is neither, and for arrays that do not unpack to what they declare.
    """
    root, file = _open(data)
    pieces = root.findall("PolyData/Piece") + root.findall("UnstructuredGrid/Piece")
    if root.tag != "VTKFile" or not pieces:
        raise InputError(
            "<VTKFile> with <PolyData> or <UnstructuredGrid> and a <Piece> is needed: save the surface as VTP or VTU"
        )
    raw = RawSurface(np.empty((0, 3)))
    for piece in pieces:
        element = piece.find("Points/DataArray")
        points = _numbers(_array(element, file, "Points"))
        if points.size % 3:
            raise InputError(f"Points hold {points.size} numbers, not three for each point")
        raw.grain = 6e-8 if element is not None and element.get("type") == "Float32" else raw.grain
        first, raw.points = len(raw.points), np.concatenate([raw.points, points.reshape(-1, 3)])
        for section, kind in (("Polys", 7), ("Strips", 6), ("Lines", 4), ("Verts", 2), ("Cells", 0)):
            connectivity, offsets = (_whole(_named(piece, section, name, file)) for name in ("connectivity", "offsets"))
            types = _whole(_named(piece, "Cells", "types", file)) if section == "Cells" else np.full(len(offsets), kind)
            sort_cells(raw, connectivity + first, offsets, types)
    return raw


def _whole(values: Numbers) -> NDArray[np.int64]:
    return values.astype(np.int64).ravel()


def sort_cells(
    raw: RawSurface, connectivity: NDArray[np.int64], ends: NDArray[np.int64], types: NDArray[np.int64]
) -> None:
    """Append cells, given as corners in a row, where each ends, and VTK numbers of their kinds. Raises InputError where these do not
    fit together."""
    sizes = np.diff(ends, prepend=0)
    if len(types) != len(ends) or (sizes < 0).any() or (ends < 0).any() or (ends > len(connectivity)).any():
        raise InputError(
            f"{len(ends)} cells of {len(types)} kinds with {len(connectivity)} corners do not fit together: the file is damaged, "
            "export it again"
        )
    for number in np.unique(types).tolist():
        kind = CELL_TYPES.get(number)
        mine = types == number
        if kind is None:
            raise InputError(
                f"{int(mine.sum())} cells of VTK type {number}, which is not read: save triangles, polygons or tetrahedra"
            )
        if kind in ("points", "lines"):
            raw.ignored[kind] = raw.ignored.get(kind, 0) + int(mine.sum())
            continue
        for size in np.unique(sizes[mine]).tolist():
            here = np.flatnonzero(mine & (sizes == size))
            if size < CORNERS.get(kind, 3):
                if kind in ("polygon", "strip"):
                    continue
                raise InputError(
                    f"a {kind} (cell {here[0] + 1}) with {size} corners: the file is damaged, export it again"
                )
            cells = connectivity[(ends[here] - size)[:, None] + np.arange(size)]
            raw.cells.append(_named_cells(kind, cells))


def _named_cells(kind: str, cells: Faces) -> tuple[str, Faces]:
    corners = cells[:, : CORNERS.get(kind, cells.shape[1])]
    if kind == "pixel":
        corners = corners[:, [0, 1, 3, 2]]
    return (kind if kind in SOLIDS or kind == "strip" else "polygon"), corners


class _Legacy:
    """A legacy file being read: everything is taken from `data` at `at`, and nothing beyond its end is allocated."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0
        self.binary = False

    def line(self) -> str | None:
        """The next line that is not blank, or None at the end."""
        while self.at < len(self.data):
            end = self.data.find(b"\n", self.at)
            end = len(self.data) if end < 0 else end
            text = self.data[self.at : end].decode("latin-1").strip()
            self.at = end + 1
            if text:
                return text
        return None

    def numbers(self, count: int, word: str, what: str) -> Numbers:
        """The next `count` numbers of the type that `word` names."""
        kind = WORDS.get(word.lower())
        if kind is None:
            raise InputError(f"{what} of the type '{word[:20]}', which is not read")
        dtype = np.dtype(">" + kind)
        if not 0 <= count <= len(self.data) - self.at:
            raise InputError(
                f"{what}: {count} numbers are declared at byte {self.at}, {len(self.data) - self.at} bytes are left"
            )
        if not self.binary:
            return self._text(count, dtype, what)
        if self.at + count * dtype.itemsize > len(self.data):
            raise InputError(
                f"{what}: {count * dtype.itemsize} bytes are declared from byte {self.at} on, but the file ends at {len(self.data)}; "
                "copy or export it again"
            )
        values = np.frombuffer(self.data, dtype, count, self.at)
        self.at += count * dtype.itemsize
        return values

    def _text(self, count: int, dtype: np.dtype[np.generic], what: str) -> Numbers:
        found: list[bytes] = []
        start = self.at
        while len(found) < count:
            end = self.data.find(b"\n", self.at)
            end = len(self.data) if end < 0 else end
            found += self.data[self.at : end].split()
            self.at = end + 1
            if self.at > len(self.data) and len(found) < count:
                raise InputError(
                    f"{what}: {count} numbers are declared, {len(found)} come from byte {start} on; copy or export it again"
                )
        if len(found) > count:
            raise InputError(
                f"{what}: more than the {count} numbers declared come from byte {start} on; export it again"
            )
        try:
            return (
                np.array(found, dtype=object).astype(float)
                if dtype.kind == "f"
                else np.array([int(v) for v in found], np.int64)
            )
        except (ValueError, OverflowError) as error:
            raise InputError(f"{what}, from byte {start} on: {error}; export it again") from None


def parse_vtk_legacy(data: bytes) -> RawSurface:
    """Cells of a legacy VTK file (text or binary, versions to 5.1) with DATASET POLYDATA or UNSTRUCTURED_GRID; data on points and cells
    is not read. Raises InputError for other data sets, and with the byte for files that are broken off."""
    file = _Legacy(data)
    first, _, style = file.line(), file.line(), (file.line() or "").upper()
    if not (first or "").startswith("# vtk DataFile") or style not in ("ASCII", "BINARY"):
        raise InputError(
            "a legacy VTK file begins with '# vtk DataFile Version', a title and ASCII or BINARY; this one does not"
        )
    file.binary = style == "BINARY"
    version = re.search(r"(\d+)\.(\d+)", first or "")
    split = version is not None and (int(version[1]), int(version[2])) >= (5, 1)
    dataset = (file.line() or "").upper().split()
    if dataset[1:] not in (["POLYDATA"], ["UNSTRUCTURED_GRID"]):
        raise InputError(
            f"{' '.join(dataset)[:60] or 'no DATASET'}: POLYDATA or UNSTRUCTURED_GRID is needed; extract the surface"
        )
    raw = RawSurface(np.empty((0, 3)))
    lists: list[tuple[str, NDArray[np.int64], NDArray[np.int64]]] = []
    types: NDArray[np.int64] | None = None
    while (line := file.line()) is not None:
        words = line.split()
        name = words[0].upper()
        if name in ("POINT_DATA", "CELL_DATA"):
            break
        if name == "POINTS" and len(words) > 2:
            raw.points = _numbers(file.numbers(3 * _count(words[1]), words[2], "POINTS")).reshape(-1, 3)
            raw.grain = 6e-8 if words[2].lower() == "float" else 0.0
        elif name == "CELL_TYPES" and len(words) > 1:
            types = _whole(file.numbers(_count(words[1]), "int", "CELL_TYPES"))
        elif name in ("POLYGONS", "TRIANGLE_STRIPS", "LINES", "VERTICES", "CELLS") and len(words) > 2:
            lists.append((name, *(_split(file, words) if split else _counted(file, words))))
        else:
            _skip(file, name, words)
    for name, connectivity, ends in lists:
        kind = {"POLYGONS": 7, "TRIANGLE_STRIPS": 6, "LINES": 4, "VERTICES": 2}.get(name)
        if kind is None and types is None:
            raise InputError("CELLS without CELL_TYPES: the file breaks off, copy or export it again")
        sort_cells(raw, connectivity, ends, types if kind is None and types is not None else np.full(len(ends), kind))
    return raw


def _count(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise InputError(f"'{text[:20]}' where a number of points or cells should stand; export it again") from None


def _split(file: _Legacy, words: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Corners and ends of cells as written since version 5.1: OFFSETS and CONNECTIVITY."""
    found = []
    for title, count in (("OFFSETS", words[1]), ("CONNECTIVITY", words[2])):
        head = (file.line() or "").split()
        if len(head) != 2 or head[0].upper() != title:
            raise InputError(f"{words[0]} without {title} near byte {file.at}: export it again")
        found.append(_whole(file.numbers(_count(count), head[1], f"{words[0]} {title}")))
    return found[1], found[0][1:]


def _counted(file: _Legacy, words: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Corners and ends of cells as written before version 5.1: every cell begins with its number of corners."""
    cells, size = _count(words[1]), _count(words[2])
    values = _whole(file.numbers(size, "int", words[0]))
    if cells and size % cells == 0 and (values.reshape(cells, -1)[:, 0] == size // cells - 1).all():
        corners = size // cells - 1
        return values.reshape(cells, -1)[:, 1:].ravel(), corners * np.arange(1, cells + 1)
    listed = values.tolist()
    at, ends, keep = 0, [], np.ones(size, bool)
    for number in range(cells):
        if at >= size or listed[at] < 0:
            raise InputError(f"{words[0]}: cell {number + 1} of {cells} lies outside of the list; export it again")
        keep[at] = False
        at += listed[at] + 1
        ends.append(at - number - 1)
    if at != size:
        raise InputError(f"{words[0]}: {cells} cells take {at} numbers, but {size} are declared; export it again")
    return values[keep], np.array(ends, np.int64)


def _skip(file: _Legacy, name: str, words: list[str]) -> None:
    """Step over METADATA and FIELD, which may stand between the parts."""
    if name == "METADATA":
        end = re.compile(rb"\r?\n\s*\r?\n").search(file.data, file.at - 1)
        file.at = end.end() if end else len(file.data)
    elif name == "FIELD" and len(words) > 2:
        for _ in range(min(_count(words[2]), len(file.data))):
            head = (file.line() or "").split()
            if len(head) != 4:
                raise InputError(f"FIELD data near byte {file.at} cannot be read; export the surface without data")
            file.numbers(_count(head[1]) * _count(head[2]), head[3], f"FIELD {head[0]}")
    else:
        raise InputError(f"'{name[:30]}' near byte {file.at} is no part of a surface; export it again")
