"""VTP polylines in every encoding give the same network, and hostile or broken XML is refused quickly."""

from __future__ import annotations

import base64
import struct
import time
import zlib

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.network_file import read_network

POINTS = np.array([[0, 0, 0], [10, 0, 0], [20, 0, 0], [20, 0, 0], [30, 8, 0]], np.float32)
RADII = np.array([3, 3, 2.5, 2, 2], np.float64)
CONNECTIVITY = np.arange(5, dtype=np.int64)
OFFSETS = np.array([3, 5], np.int64)


def packed(array: np.ndarray, how: str, header: str) -> bytes:
    data = array.tobytes()
    if how == "zlib":
        half = len(data) // 2
        blocks = [zlib.compress(data[:half]), zlib.compress(data[half:])]
        # Two blocks: the first of `half` bytes, the last one of what remains.
        head = struct.pack(f"<5{header}", 2, half, len(data) - half, *map(len, blocks))
        return base64.b64encode(head) + base64.b64encode(b"".join(blocks))
    head = struct.pack(f"<{header}", len(data))
    return head + data if how == "raw" else base64.b64encode(head + data)


def vtp(how: str, header: str = "I", points: np.ndarray = POINTS, radii: np.ndarray = RADII) -> bytes:
    appended = bytearray()

    def array(name: str, kind: str, values: np.ndarray) -> str:
        start = (
            f'<DataArray type="{kind}" Name="{name}" NumberOfComponents="{values.shape[1] if values.ndim > 1 else 1}"'
        )
        if how == "ascii":
            return f'{start} format="ascii">{" ".join(map(str, values.ravel().tolist()))}</DataArray>'
        if how == "inline":
            return f'{start} format="binary">\n {packed(values, "base64", header).decode()}\n</DataArray>'
        offset = len(appended)
        appended.extend(packed(values, how, header))
        return f'{start} format="appended" offset="{offset}"/>'

    body = (
        f"<PointData>{array('Radius', 'Float64', radii)}</PointData><Points>{array('Points', 'Float32', points)}</Points>"
        f"<Lines>{array('connectivity', 'Int64', CONNECTIVITY)}{array('offsets', 'Int64', OFFSETS)}</Lines>"
    )
    compressor = ' compressor="vtkZLibDataCompressor"' if how == "zlib" else ""
    kind = "UInt64" if header == "Q" else "UInt32"
    tail = b""
    if appended:
        encoding = b"raw" if how == "raw" else b"base64"
        tail = b'<AppendedData encoding="' + encoding + b'">\n _' + bytes(appended) + b"\n</AppendedData>"
    return (
        f'<?xml version="1.0"?><VTKFile type="PolyData" byte_order="LittleEndian" header_type="{kind}"{compressor}><PolyData>'
        f'<Piece NumberOfPoints="5" NumberOfLines="2">{body}</Piece></PolyData>'
    ).encode() + tail + b"</VTKFile>"  # fmt: skip


def write(tmp_path, data: bytes):
    path = tmp_path / "lines.vtp"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("header", ["I", "Q"])
@pytest.mark.parametrize("how", ["ascii", "inline", "base64", "raw", "zlib"])
def test_polylines_read_alike_in_every_encoding(tmp_path, how, header):
    network = read_network(write(tmp_path, vtp(how, header)), "um")
    # The second line begins where the first ends: one node, so one connected network of three segments.
    assert len(network.components()) == 1 and network.edges.tolist() == [[0, 1], [1, 2], [2, 3]]
    assert network.radii * 1e6 == pytest.approx(np.array([[3, 3], [3, 2.5], [2, 2]]))
    assert network.lengths * 1e6 == pytest.approx([10, 10, 164**0.5])


def test_points_of_no_width_are_listed(tmp_path):
    path = write(tmp_path, vtp("ascii", radii=np.array([3, 0, 2.5, 2, 2])))
    with pytest.raises(InputError, match=r"zero: segments 0, 1 \(at nodes 1\)"):
        read_network(path, "um")
    assert read_network(path, "um", min_radius=1e-6).radii.min() == pytest.approx(1e-6)


@pytest.mark.parametrize("how", ["inline", "base64", "raw", "zlib"])
@pytest.mark.parametrize("keep", [0.3, 0.6, 0.85, 0.97])
def test_a_file_broken_off_is_refused(tmp_path, how, keep):
    data = vtp(how)
    with pytest.raises(InputError):
        read_network(write(tmp_path, data[: int(len(data) * keep)]), "um")


def test_an_array_that_claims_to_be_huge_is_refused_before_it_is_unpacked(tmp_path):
    bomb = zlib.compress(bytes(10**8))
    head = struct.pack("<4I", 1, 4000, 4000, len(bomb))
    text = (base64.b64encode(head) + base64.b64encode(bomb)).decode()
    claim = base64.b64encode(struct.pack("<I", 2**31)).decode()
    for payload, compressor in ((text, ' compressor="vtkZLibDataCompressor"'), (claim, "")):
        data = (
            f'<VTKFile type="PolyData"{compressor}><PolyData><Piece><Points><DataArray type="Float32" NumberOfComponents="3" '
            f'format="binary">{payload}</DataArray></Points></Piece></PolyData></VTKFile>'
        )
        with pytest.raises(InputError, match="cannot be unpacked"):
            read_network(write(tmp_path, data.encode()), "um")


@pytest.mark.parametrize("suffix", [".vtp", ".graphml"])
@pytest.mark.parametrize(
    "text",
    [
        '<!DOCTYPE a [<!ENTITY x "y"><!ENTITY z "&x;&x;&x;&x;&x;&x;&x;&x;">]><a>&z;</a>',
        '<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>',
        "<a>" * 200000 + "</a>" * 200000,
    ],
    ids=["entities", "external", "depth"],
)
def test_hostile_xml_is_refused_at_once(tmp_path, suffix, text):
    path = tmp_path / f"bad{suffix}"
    for data in (text.encode(), text.encode("utf-16")):
        path.write_bytes(data)
        start = time.monotonic()
        with pytest.raises(InputError):
            read_network(path, "um")
        # Refused on sight; a second leaves room for a busy machine.
        assert time.monotonic() - start < 1
