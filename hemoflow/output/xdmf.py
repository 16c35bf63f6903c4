"""results.xdmf: a description in XML of the datasets of results.vtkhdf, for ParaView 5.11 and 5.12 (choose "XDMF
Reader")."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from hemoflow.output.disk import replace_text
from hemoflow.output.vtkhdf import ROOT

_NUMBER = {"f4": ("Float", 4), "f8": ("Float", 8), "i8": ("Int", 8), "u1": ("UChar", 1)}
_HALVES = {"_normal": 0, "_shear": 3}  # XDMF orders tensors in another way than VTK: xx yy zz and xy yz xz as vectors


@dataclasses.dataclass(frozen=True)
class _Part:
    """Rows of a dataset from `first`; `shape`: how to see them, instead of (rows, ...) or one step of an image;
    `component`: the first of three, instead of all."""

    first: int
    rows: int
    shape: tuple[int, ...] | None = None
    component: int | None = None


def write_xdmf(results: Path, index: Path) -> None:
    """Describe every complete step of a VTKHDF file that lies in the same folder; written whole or not at all. Raises
    RunError."""
    import h5py

    with h5py.File(results, "r") as file:
        root = file[ROOT]
        steps = [_step(root, k, results.name) for k in range(int(root["Steps"].attrs["NSteps"]))]
    text = (
        '<?xml version="1.0"?>\n<Xdmf Version="2.0">\n<Domain>\n<Grid Name="run" GridType="Collection" '
        'CollectionType="Temporal">\n' + "".join(steps) + "</Grid>\n</Domain>\n</Xdmf>\n"
    )
    replace_text(index, text)


def _step(root: Any, step: int, source: str) -> str:
    time = float(root["Steps/Values"][step])
    parts = [f'<Grid Name="step" GridType="Collection" CollectionType="Spatial">\n<Time Value="{time!r}"/>\n']
    for name in root["Assembly"]:
        block = root[name]
        make = _image if name == "fluid" else _surface
        parts.append(f"<Grid Name={quoteattr(name)}>\n{make(block, step, source)}</Grid>\n")
    return "".join(parts) + "</Grid>\n"


def _image(block: Any, step: int, source: str) -> str:
    """The box; XDMF lists axes as z, y, x."""
    points = " ".join(str(int(n) + 1) for n in block.attrs["WholeExtent"][5::-2])
    number = 'Dimensions="3" NumberType="Float" Precision="8" Format="XML"'
    geometry = "".join(f"<DataItem {number}>{_reversed(block, name)}</DataItem>\n" for name in ("Origin", "Spacing"))
    text = (
        f'<Topology TopologyType="3DCoRectMesh" Dimensions="{points}"/>\n'
        f'<Geometry GeometryType="ORIGIN_DXDYDZ">\n{geometry}</Geometry>\n'
    )
    for name, dataset in block["CellData"].items():
        row = int(block["Steps/CellDataOffsets"][name][step])
        text += _attributes(name, "Cell", dataset, _Part(row, 1), source)
    return text


def _surface(block: Any, step: int, source: str) -> str:
    offsets, polygons = block["Steps"], block["Polygons"]
    points, faces = int(block["NumberOfPoints"][0]), int(polygons["NumberOfCells"][0])
    corners = _slab(polygons["Connectivity"], _Part(0, 3 * faces, (faces, 3)), source)
    geometry = _slab(block["Points"], _Part(int(offsets["PointOffsets"][step]), points), source)
    text = (
        f'<Topology TopologyType="Triangle" NumberOfElements="{faces}">\n{corners}</Topology>\n'
        f'<Geometry GeometryType="XYZ">\n{geometry}</Geometry>\n'
    )
    for kind, centre, rows in (("PointData", "Node", points), ("CellData", "Cell", faces)):
        for name, dataset in block[kind].items():
            row = int(offsets[f"{kind}Offsets"][name][step])
            text += _attributes(name, centre, dataset, _Part(row, rows), source)
    return text


def _reversed(block: Any, name: str) -> str:
    return _numbers(block.attrs[name][::-1])


def _attributes(name: str, centre: str, dataset: Any, part: _Part, source: str) -> str:
    """One field of a step; symmetric tensors become two vectors."""
    components = dataset.shape[-1] if dataset.ndim in (2, 5) else 1
    if components != 6:
        kind = {1: "Scalar", 3: "Vector"}.get(components, "Matrix")
        return _attribute(name, kind, centre, _slab(dataset, part, source))
    pieces = [(name + half, dataclasses.replace(part, component=first)) for half, first in _HALVES.items()]
    return "".join(_attribute(label, "Vector", centre, _slab(dataset, piece, source)) for label, piece in pieces)


def _attribute(name: str, kind: str, centre: str, data: str) -> str:
    return f'<Attribute Name={quoteattr(name)} AttributeType="{kind}" Center="{centre}">\n{data}</Attribute>\n'


def _slab(dataset: Any, part: _Part, source: str) -> str:
    kind, size = _NUMBER[dataset.dtype.str[1:]]
    number = f'NumberType="{kind}" Precision="{size}"'
    rest, start = list(dataset.shape[1:]), [0] * (dataset.ndim - 1)
    if part.component is not None:
        rest[-1], start[-1] = 3, part.component
    seen = part.shape or (rest if dataset.ndim >= 4 else (part.rows, *rest))
    select = [[part.first, *start], [1] * dataset.ndim, [part.rows, *rest]]
    table = " ".join(str(value) for line in select for value in line)
    return (
        f'<DataItem ItemType="HyperSlab" Type="HyperSlab" Dimensions="{_numbers(seen)}" {number}>\n'
        f'<DataItem Dimensions="3 {dataset.ndim}" Format="XML">{table}</DataItem>\n'
        f'<DataItem Dimensions="{_numbers(dataset.shape)}" {number} Format="HDF">'
        f"{source}:{dataset.name}</DataItem>\n</DataItem>\n"
    )


def _numbers(values: Any) -> str:
    return " ".join(repr(v.item()) if hasattr(v, "item") else str(v) for v in values)
