"""VTP polylines with a point array `Radius`: centrelines of VMTK, SimVascular, Chaste and others, read without VTK."""

from __future__ import annotations

import base64
import binascii
import lzma
import re
import xml.etree.ElementTree as ElementTree
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.network_raw import RawNetwork
from hemoflow.geometry.network_record import connected_labels
from hemoflow.geometry.network_xml import parse_xml

MERGE = 1e-6
"""Points closer than this fraction of the network's extent are one node: polylines meet in points stored once each."""

LARGEST_ARRAY = 1 << 29
"""Bytes that one array may unpack to."""

TYPES = {
    "Int8": "i1", "UInt8": "u1", "Int16": "i2", "UInt16": "u2", "Int32": "i4", "UInt32": "u4", "Int64": "i8",
    "UInt64": "u8", "Float32": "f4", "Float64": "f8",
}  # fmt: skip


@dataclass(frozen=True)
class _File:
    """What applies to every array of a file: byte order sign, header number type, compressor name, appended bytes."""

    order: str
    header: np.dtype[np.generic]
    compressor: str
    appended: bytes
    base64: bool


def parse_vtp(data: bytes) -> RawNetwork:
    """Polylines of a VTP file (ascii, base64 or raw; inline or appended; zlib or lzma) as segments from point to point.

    Coinciding points of different lines become one node. Radii: point array `Radius` (also
    `MaximumInscribedSphereRadius`, `radius`), or a `Diameter`. Node ids are point numbers, segment ids count through
    the lines. VTP has no unit. Raises InputError for files that are no VTP, have no lines or no radius, or whose arrays
    do not unpack to what they declare.
    """
    root, file = _open(data)
    pieces = root.findall("PolyData/Piece")
    if root.tag != "VTKFile" or not pieces:
        raise InputError("not a VTP file: <VTKFile> with <PolyData> and <Piece> is needed")
    if len(pieces) > 1:
        raise InputError(f"VTP file in {len(pieces)} pieces: write it as one")
    piece = pieces[0]
    points = _numbers(_array(piece.find("Points/DataArray"), file, "Points"))
    if points.size % 3:
        raise InputError(f"VTP Points hold {points.size} numbers, not three for each point")
    points = points.reshape(-1, 3)
    connectivity = _named(piece, "Lines", "connectivity", file).astype(np.int64)
    offsets = _named(piece, "Lines", "offsets", file).astype(np.int64)
    if offsets.size == 0:
        raise InputError(
            "VTP file without lines: a network is a set of polylines (a surface is read as a surface vessel)"
        )
    if connectivity.size and (connectivity.min() < 0 or connectivity.max() >= len(points)):
        raise InputError(f"VTP lines name point {connectivity.max()}, but there are {len(points)} points")
    if (np.diff(offsets, prepend=0) < 0).any() or offsets[-1] != connectivity.size:
        raise InputError("VTP line offsets do not match the connectivity")
    radii = _radii(piece, file)
    if len(radii) != len(points):
        raise InputError(f"VTP has {len(points)} points but {len(radii)} radii")
    return _network(points, connectivity, offsets, radii)


def _network(
    points: NDArray[np.float64], connectivity: NDArray[np.int64], offsets: NDArray[np.int64], radii: NDArray[np.float64]
) -> RawNetwork:
    raw = RawNetwork()
    node = _merge(points)
    breaks = np.zeros(len(connectivity), bool)
    breaks[offsets[offsets < len(connectivity)]] = True
    first, last = connectivity[:-1][~breaks[1:]], connectivity[1:][~breaks[1:]]
    keep = node[first] != node[last]
    if not keep.all():
        raw.notes.append(f"{int((~keep).sum())} segments shorter than {MERGE:g} of the extent were closed to a point")
    used = np.unique(node[connectivity])
    raw.node_names = [str(k) for k in used]
    raw.positions = [(float(x), float(y), float(z)) for x, y, z in points[used]]
    raw.edge_names = [str(k) for k in np.flatnonzero(keep)]
    raw.ends = [(str(a), str(b)) for a, b in zip(node[first[keep]], node[last[keep]], strict=True)]
    raw.radii = [(float(a), float(b)) for a, b in zip(radii[first[keep]], radii[last[keep]], strict=True)]
    merged = len(np.unique(connectivity)) - len(used)
    if merged:
        raw.notes.append(f"{merged} points that coincide with another one were joined to it")
    return raw


def _merge(points: NDArray[np.float64]) -> NDArray[np.int64]:
    """For each point the lowest number among the points it coincides with."""
    from scipy.spatial import cKDTree

    finite = np.isfinite(points).all(axis=1)
    node = np.arange(len(points))
    if finite.sum() < 2:
        return node
    extent = float(np.ptp(points[finite], axis=0).max())
    index = np.flatnonzero(finite)
    pairs = cKDTree(points[finite]).query_pairs(MERGE * extent, output_type="ndarray")
    labels = connected_labels(len(index), pairs.astype(np.int64).reshape(-1, 2))
    lowest = np.full(labels.max() + 1, len(points))
    np.minimum.at(lowest, labels, index)
    node[index] = lowest[labels]
    return node


def _radii(piece: ElementTree.Element, file: _File) -> NDArray[np.float64]:
    names = {a.get("Name", ""): a for a in piece.findall("PointData/DataArray")}
    for name, array in names.items():
        word = name.lower()
        if word in ("radius", "radii", "maximuminscribedsphereradius", "diameter"):
            values = _numbers(_array(array, file, name))
            return values / 2 if word == "diameter" else values
    raise InputError(
        f"VTP file without a point array Radius or Diameter; point arrays found: {', '.join(names) or 'none'}"
    )


def _open(data: bytes) -> tuple[ElementTree.Element, _File]:
    """XML tree, and the appended bytes, which need not be XML and are cut out before it is parsed."""
    appended, encoding = b"", ""
    tag = re.search(rb"<AppendedData([^>]*)>\s*_", data)
    if tag:
        end = data.rfind(b"</AppendedData>")
        if end < tag.end():
            raise InputError("VTP file broken off: <AppendedData> does not end")
        appended, encoding = data[tag.end() : end], "raw" if b"raw" in tag[1] else "base64"
        data = data[: tag.start()] + data[end + len(b"</AppendedData>") :]
    root = parse_xml(data)
    order = ">" if root.get("byte_order") == "BigEndian" else "<"
    header = np.dtype(order + ("u8" if root.get("header_type") == "UInt64" else "u4"))
    return root, _File(order, header, root.get("compressor", ""), appended, encoding != "raw")


def _numbers(array: NDArray[np.generic]) -> NDArray[np.float64]:
    """Flat, in double precision; damaged files hold signalling NaNs, which are refused later with their nodes."""
    with np.errstate(all="ignore"):
        return array.astype(float).ravel()


def _named(piece: ElementTree.Element, section: str, name: str, file: _File) -> NDArray[np.generic]:
    for array in piece.findall(f"{section}/DataArray"):
        if array.get("Name") == name:
            values = _array(array, file, f"{section} {name}")
            if values.dtype.kind == "f":
                raise InputError(f"VTP array {section} {name} holds numbers that are not whole")
            return values
    return np.empty(0, np.int64)


def _array(element: ElementTree.Element | None, file: _File, what: str) -> NDArray[np.generic]:
    if element is None or element.get("type") not in TYPES:
        raise InputError(f"VTP file without a readable array {what}")
    dtype = np.dtype(file.order + TYPES[element.get("type", "")])
    text = (element.text or "").strip()
    style = element.get("format", "ascii")
    try:
        if style == "ascii":
            return np.array(text.split(), dtype=dtype)
        if style == "binary":
            payload = _unpack(text.encode("ascii"), file, True)
        else:
            payload = _unpack(file.appended[int(element.get("offset", "0")) :], file, file.base64)
        return np.frombuffer(payload, dtype)
    except (ValueError, IndexError, OverflowError, binascii.Error, zlib.error, lzma.LZMAError) as error:
        raise InputError(f"VTP array {what} cannot be unpacked: {error}") from None


def _unpack(stream: bytes, file: _File, encoded: bool) -> bytes:
    """Bytes of one array out of a stream that begins with it, its sizes checked before anything is allocated."""
    size = file.header.itemsize
    if not file.compressor:
        head, body = _take(stream, size, encoded)
        count = _bounded(int(np.frombuffer(head, file.header)[0]))
        if encoded and not body:
            return _take(stream, size + count, True)[0][size:]
        return _take(body, count, encoded)[0]
    head, _ = _take(stream, 3 * size, encoded)
    blocks, block, last = (int(v) for v in np.frombuffer(head, file.header))
    if blocks == 0:
        return b""
    _bounded(blocks * block)
    head, body = _take(stream, (3 + blocks) * size, encoded, separate=True)
    sizes = np.frombuffer(head, file.header)[3:].astype(int)
    packed = _take(body, _bounded(int(sizes.sum())), encoded)[0]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    full = [block] * (blocks - 1) + [last or block]
    parts = [_inflate(packed[starts[k] : starts[k + 1]], full[k], file.compressor) for k in range(blocks)]
    return b"".join(parts)


def _inflate(packed: bytes, size: int, compressor: str) -> bytes:
    if compressor == "vtkZLibDataCompressor":
        out = zlib.decompressobj().decompress(packed, size + 1)
    elif compressor == "vtkLZMADataCompressor":
        out = lzma.LZMADecompressor().decompress(packed, size + 1)
    else:
        raise InputError(f"VTP file packed with {compressor}: write it with zlib or without compression")
    if len(out) != size:
        raise ValueError(f"a block unpacks to {len(out)} or more bytes, {size} were declared")
    return out


def _take(stream: bytes, count: int, encoded: bool, separate: bool = False) -> tuple[bytes, bytes]:
    """The first `count` bytes and the rest of the stream; base64 parts that are encoded by themselves end in whole
    groups of four.

    For an uncompressed base64 array header and values may be one encoding (then the rest returned is empty) or two.
    """
    if not encoded:
        return _cut(stream, count), stream[count:]
    window = b"".join(stream[: 4 * count + 64].split())
    chars = -(-count // 3) * 4
    if len(window) < chars:
        raise ValueError("it ends early")
    decoded = base64.b64decode(window[:chars])
    padded = window[:chars].endswith(b"=") or count % 3 == 0 or separate
    return decoded[:count], _after(stream, chars) if padded else b""


def _after(stream: bytes, chars: int) -> bytes:
    """What follows the first `chars` characters that are not white space."""
    seen = 0
    for position in re.finditer(rb"\S+", stream):
        if seen + len(position[0]) >= chars:
            return stream[position.start() + chars - seen :]
        seen += len(position[0])
    return b""


def _cut(stream: bytes, count: int) -> bytes:
    if len(stream) < count:
        raise ValueError("it ends early")
    return stream[:count]


def _bounded(count: int) -> int:
    if count > LARGEST_ARRAY:
        raise ValueError(f"it declares {count} bytes, more than {LARGEST_ARRAY}")
    return count
