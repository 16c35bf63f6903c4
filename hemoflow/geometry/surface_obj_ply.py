"""Surfaces as OBJ and PLY. Own readers, because meshio knows neither counting from the end (OBJ) nor the index list under its second
name (PLY), and waits for ever for the end of a broken header."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.surface_raw import RawSurface

PLY_TYPES = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4", "double": "f8", "int8": "i1",
    "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4", "int64": "i8", "uint64": "u8", "float32": "f4",
    "float64": "f8",
}  # fmt: skip


def parse_obj(data: bytes) -> RawSurface:
    """Vertices and faces of a Wavefront OBJ; texture, normals, groups and materials are not read. Raises InputError with the line."""
    points: list[tuple[float, ...]] = []
    faces: dict[int, list[list[int]]] = {}
    ignored: dict[str, int] = {}
    for number, line in enumerate(data.replace(b"\\\n", b" ").replace(b"\\\r\n", b" ").splitlines(), 1):
        words = line.split()
        try:
            if line.startswith((b"v ", b"v\t")):
                x, y, z = words[1:4]
                points.append((float(x), float(y), float(z)))
            elif line.startswith((b"f ", b"f\t")):
                corners = [int(word.split(b"/", 1)[0]) for word in words[1:]]
                if len(corners) < 3 or 0 in corners:
                    raise ValueError
                faces.setdefault(len(corners), []).append([c - 1 if c > 0 else len(points) + c for c in corners])
            elif line.startswith((b"l ", b"p ")):
                kind = "lines" if line.startswith(b"l") else "points"
                ignored[kind] = ignored.get(kind, 0) + 1
        except (ValueError, IndexError, OverflowError):
            raise InputError(
                f"line {number}, '{line[:60].decode('latin-1')}', is no vertex of three numbers or face of three or more corners; "
                "copy or export it again"
            ) from None
    if not points:
        raise InputError("no vertices: not an OBJ file, or an empty one; export the surface again")
    cells = [("polygon", _indices(listed)) for _, listed in sorted(faces.items())]
    return RawSurface(np.array(points), cells, ignored=ignored)


def _indices(listed: list[list[int]]) -> NDArray[np.int64]:
    return np.clip(np.array(listed, dtype=object), -1, np.iinfo(np.int64).max).astype(np.int64)


def parse_ply(data: bytes) -> RawSurface:
    """Vertices and faces of a PLY file, text or binary of either byte order. Raises InputError with the byte, or the element."""
    head = re.match(rb"ply\s*?\r?\n(.*?)^end_header[ \t]*\r?\n", data, re.DOTALL | re.MULTILINE)
    if head is None:
        raise InputError(
            "not a PLY file: it begins with a line 'ply' and needs a header that ends in 'end_header'; export it again"
        )
    elements: list[tuple[str, int, list[list[str]]]] = []
    style = ""
    for line in head[1].decode("latin-1").splitlines():
        words = line.split()
        if words[:1] == ["format"] and len(words) > 1:
            style = words[1]
        elif words[:1] == ["element"] and len(words) == 3 and words[2].isdigit():
            elements.append((words[1], int(words[2]), []))
        elif words[:1] == ["property"] and len(words) > 2 and elements:
            elements[-1][2].append(words[1:])
        elif words and words[0] not in ("comment", "obj_info"):
            raise InputError(f"PLY header line '{line[:60]}' cannot be read; export it again")
    if style not in ("ascii", "binary_little_endian", "binary_big_endian"):
        raise InputError(
            f"PLY of the format '{style[:30]}': ascii, binary_little_endian or binary_big_endian is needed"
        )
    source = (
        _PlyText(data, head.end())
        if style == "ascii"
        else _PlyBinary(data, head.end(), "<" if "little" in style else ">")
    )
    raw = RawSurface(np.empty((0, 3)))
    for name, count, properties in elements:
        if any(t not in PLY_TYPES for p in properties for t in (p[1:3] if p[0] == "list" else p[:1])):
            raise InputError(f"PLY element {name[:30]} has a property of an unknown type; export it again")
        if count > len(data):
            raise InputError(
                f"PLY header declares {count} of {name[:30]}, more than the {len(data)} bytes of the file could hold"
            )
        _ply_element(raw, source, name, count, properties)
        if name == "face":
            break
    return raw


def _ply_element(
    raw: RawSurface, source: _PlyText | _PlyBinary, name: str, count: int, properties: list[list[str]]
) -> None:
    if not any(p[0] == "list" for p in properties):
        names = [p[-1] for p in properties]
        table = source.table(name, count, [p[0] for p in properties])
        if name == "vertex":
            if not {"x", "y", "z"} <= set(names):
                raise InputError("PLY vertices without x, y and z: export them")
            raw.points = np.stack([table[names.index(axis)] for axis in "xyz"], axis=1)
            raw.grain = 6e-8 if properties[names.index("x")][0] in ("float", "float32") else 0.0
        return
    index = next((k for k, p in enumerate(properties) if p[-1] in ("vertex_indices", "vertex_index")), -1)
    if name == "face" and index < 0:
        raise InputError("PLY faces without the list vertex_indices: export them")
    rows = source.rows(name, count, properties, max(index, 0))
    if name == "face":
        raw.cells += [("polygon", cells) for cells in rows]


class _PlyText:
    def __init__(self, data: bytes, at: int) -> None:
        self.words = data[at:].split()
        self.at = 0

    def table(self, name: str, count: int, kinds: list[str]) -> list[NDArray[np.float64]]:
        """Columns of an element without lists."""
        end = self.at + count * len(kinds)
        if end > len(self.words):
            raise InputError(
                f"PLY: {count} of {name} are declared, but the file breaks off before; copy or export it again"
            )
        try:
            values = np.array(list(map(float, self.words[self.at : end]))).reshape(count, len(kinds))
        except ValueError as error:
            raise InputError(f"PLY {name}: {error}; export it again") from None
        self.at = end
        return list(values.T)

    def rows(self, name: str, count: int, properties: list[list[str]], index: int) -> list[NDArray[np.int64]]:
        """The lists of property number `index`, those of equal length together."""
        found: dict[int, list[list[int]]] = {}
        for number in range(count):
            for k, one in enumerate(properties):
                try:
                    size = int(self.words[self.at]) if one[0] == "list" else 0
                    end = self.at + 1 + size
                    if size < 0 or end > len(self.words):
                        raise IndexError
                    if k == index and size > 2:
                        found.setdefault(size, []).append([int(word) for word in self.words[self.at + 1 : end]])
                    self.at = end
                except (ValueError, IndexError):
                    raise InputError(
                        f"PLY: {name} {number + 1} of {count} is broken off or no list of numbers; export it again"
                    ) from None
        return [_indices(listed) for _, listed in sorted(found.items())]


class _PlyBinary:
    def __init__(self, data: bytes, at: int, order: str) -> None:
        self.data, self.at, self.order = data, at, order

    def table(self, name: str, count: int, kinds: list[str]) -> list[NDArray[np.float64]]:
        """Columns of an element without lists."""
        row = np.dtype([(f"p{k}", self.order + PLY_TYPES[kind]) for k, kind in enumerate(kinds)])
        values = self._take(row, count, name)
        with np.errstate(all="ignore"):
            return [values[f"p{k}"].astype(np.float64) for k in range(len(kinds))]

    def rows(self, name: str, count: int, properties: list[list[str]], index: int) -> list[NDArray[np.int64]]:
        """The lists of property number `index`, those of equal length together; rows of one shape are read in one go."""
        found: dict[int, list[NDArray[np.int64]]] = {}
        done, window = 0, 64
        while done < count:
            row = self._shape(name, done, properties)
            most = min(count - done, (len(self.data) - self.at) // row.itemsize, window)
            block = np.frombuffer(self.data, row, most, self.at)
            same = np.ones(most, bool)
            for k, one in enumerate(properties):
                if one[0] == "list":
                    same &= block[f"n{k}"] == row[f"v{k}"].shape[0]
            run = most if same.all() else int(np.argmin(same))
            window = 4 * window if run == most else max(16, window // 4)
            size = row[f"v{index}"].shape[0]
            if size > 2:
                found.setdefault(size, []).append(block[f"v{index}"][:run].astype(np.int64))
            self.at += run * row.itemsize
            done += run
        return [np.concatenate(parts) for _, parts in sorted(found.items())]

    def _shape(self, name: str, number: int, properties: list[list[str]]) -> Any:
        """Type of the row that begins here."""
        fields: list[Any] = []
        at = self.at
        for k, one in enumerate(properties):
            if one[0] != "list":
                fields.append((f"v{k}", self.order + PLY_TYPES[one[0]], (1,)))
                at += np.dtype(PLY_TYPES[one[0]]).itemsize
                continue
            head = np.dtype(self.order + PLY_TYPES[one[1]])
            if head.kind == "f":
                raise InputError(f"PLY {name} with a list counted in {one[1]}; export it again")
            size = int(np.frombuffer(self.data, head, 1, at)[0]) if at + head.itemsize <= len(self.data) else -1
            item = np.dtype(self.order + PLY_TYPES[one[2]])
            fields += [(f"n{k}", head), (f"v{k}", item, (max(size, 0),))]
            at += head.itemsize + size * item.itemsize
            if size < 0 or at > len(self.data):
                raise InputError(
                    f"PLY: {name} {number + 1} at byte {self.at} is broken off at byte {len(self.data)}; export it again"
                )
        if at > len(self.data):
            raise InputError(
                f"PLY: {name} {number + 1} at byte {self.at} is broken off at byte {len(self.data)}; export it again"
            )
        return np.dtype(fields)

    def _take(self, row: Any, count: int, name: str) -> Any:
        if self.at + count * row.itemsize > len(self.data):
            held = (len(self.data) - self.at) // row.itemsize
            raise InputError(
                f"PLY: {count} of {name} are declared but {held} are there; the file breaks off at byte {len(self.data)}; "
                "copy or export it again"
            )
        values = np.frombuffer(self.data, row, count, self.at)
        self.at += count * row.itemsize
        return values
