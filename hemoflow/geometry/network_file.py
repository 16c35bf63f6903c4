"""Reading vessel networks from the files people have: one function, the format chosen by the file's ending."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from pathlib import Path

from hemoflow.errors import InputError
from hemoflow.geometry.network_raw import RawNetwork, assemble
from hemoflow.geometry.network_record import Network

LENGTH_UNITS = {
    "m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "micron": 1e-6, "microns": 1e-6,
    "micrometer": 1e-6, "micrometre": 1e-6, "nm": 1e-9,
}  # fmt: skip

LARGEST_FILE = 1 << 30
"""Bytes; a larger file is refused before it is read."""


def read_network(
    path: str | Path,
    unit: str | None = None,
    min_radius: str | float | None = None,
    radius_parameter: int | None = None,
) -> Network:
    """Read a vessel network and return it in SI units, checked.

    `path`: .swc, .graphml, .dgf, .vtp, .csv or .tsv (one file with sections, or either of a pair nodes/edges), .dat or
    .txt (Secomb network text); docs/vessels.md describes each. `unit`: length of one unit of the file, "um" or "0.65
    um" (a voxel); demanded where the file does not say. `min_radius`: m, or text with a unit; thinner places are
    widened to it. Without it a radius of zero is an error. `radius_parameter`: DGF only, which parameter of a segment
    is the radius, counted from 1. Raises InputError naming the file and, together, every segment or node at fault.
    """
    path = Path(path)
    reader = READERS.get(path.suffix.lower())
    if reader is None:
        raise InputError(
            f"{path}: not a network format hemoflow reads ({', '.join(sorted(READERS))}), judged by the file's ending"
        )
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.stat().st_size > LARGEST_FILE:
        raise InputError(
            f"{path}: {path.stat().st_size / 2**30:.1f} GiB, more than the {LARGEST_FILE >> 30} GiB allowed"
        )
    if radius_parameter is not None and path.suffix.lower() != ".dgf":
        raise InputError(f"{path}: radius_parameter is for DGF files only; in this format the radius has a name")
    try:
        raw = _read_dgf(path, radius_parameter) if path.suffix.lower() == ".dgf" else reader(path)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    smallest = parse_length(min_radius, "min_radius") if isinstance(min_radius, str) else min_radius
    if smallest is not None and not 0 < smallest < float("inf"):
        raise InputError(f"{path}: min_radius must be above zero, not {smallest:g} m")
    return assemble(raw, str(path), _scale(raw, path, unit), smallest)


def parse_length(text: str, what: str) -> float:
    """Length in m of "um", "0.65 um", "2 mm". Raises InputError for anything else."""
    match = re.fullmatch(r"\s*([0-9.eE+-]*)\s*([^\W\d_]+)\s*", text)
    try:
        value = float(match[1] or 1.0) * LENGTH_UNITS[match[2]] if match else float("nan")
    except (ValueError, KeyError):
        value = float("nan")
    if not 0 < value < float("inf"):
        raise InputError(
            f"{what}: '{text}' is not a length: use one of {', '.join(LENGTH_UNITS)}, perhaps after a number"
        )
    return value


def read_text(path: Path) -> str:
    """Text of a file whatever its encoding mark and line ends. Raises InputError for a binary file."""
    data = path.read_bytes()
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = data.decode("utf-16", errors="replace")
    else:
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("latin-1")
    if "\0" in text:
        raise InputError("a binary file, text was expected")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _scale(raw: RawNetwork, path: Path, unit: str | None) -> float:
    own = parse_length(raw.unit, f"{path}: unit") if raw.unit else None
    given = parse_length(unit, "vessel.unit") if unit else None
    if own is not None and given is not None and abs(own / given - 1) > 1e-9:
        raise InputError(
            f"{path}: the file's lengths are in {raw.unit} by its format or its own words, but the unit given is {unit}"
        )
    scale = own if own is not None else given
    if scale is None and raw.positions is None:
        return 1.0
    if scale is None:
        raise InputError(f'{path}: this file does not say its unit of length; give one, for example unit = "um"')
    return scale


def _read_swc(path: Path) -> RawNetwork:
    from hemoflow.geometry.network_text import parse_swc

    return parse_swc(read_text(path))


def _read_dgf(path: Path, radius_parameter: int | None = None) -> RawNetwork:
    from hemoflow.geometry.network_text import parse_dgf

    return parse_dgf(read_text(path), radius_parameter)


def _read_secomb(path: Path) -> RawNetwork:
    from hemoflow.geometry.network_secomb import parse_secomb

    return parse_secomb(read_text(path))


def _read_graphml(path: Path) -> RawNetwork:
    from hemoflow.geometry.network_xml import parse_graphml

    return parse_graphml(path.read_bytes())


def _read_vtp(path: Path) -> RawNetwork:
    from hemoflow.geometry.network_vtp import parse_vtp

    return parse_vtp(path.read_bytes())


def _read_table(path: Path) -> RawNetwork:
    from hemoflow.geometry.network_table import parse_pair, parse_sections

    pair = table_pair(path)
    if pair is None:
        return parse_sections(read_text(path))
    for partner in pair:
        if not partner.is_file():
            raise InputError(f"its partner {partner.name} is not beside it; nodes and edges come as a pair of files")
    return parse_pair(read_text(pair[0]), read_text(pair[1]))


def table_pair(path: Path) -> tuple[Path, Path] | None:
    """The files of nodes and of edges that a table belongs to by its name; None for one that holds both."""
    stem = path.stem
    for one, other in (("nodes", "edges"), ("edges", "nodes")):
        if one in stem.lower() and path.suffix.lower() in (".csv", ".tsv"):
            start = stem.lower().rindex(one)
            partner = path.with_name(stem[:start] + other + stem[start + len(one) :] + path.suffix)
            return (path, partner) if one == "nodes" else (partner, path)
    return None


READERS: dict[str, Callable[[Path], RawNetwork]] = {
    ".swc": _read_swc,
    ".dgf": _read_dgf,
    ".dat": _read_secomb,
    ".txt": _read_secomb,
    ".graphml": _read_graphml,
    ".vtp": _read_vtp,
    ".csv": _read_table,
    ".tsv": _read_table,
}
