"""Finds the data that ships with hemoflow: in the checkout beside the package, or inside an installed wheel."""

from __future__ import annotations

from pathlib import Path

from hemoflow.errors import InputError

_PACKAGE = Path(__file__).resolve().parent
_IN_CHECKOUT = {"meshes": Path("meshes"), "reference": Path("benchmarks") / "reference", "runs": Path("runs")}


def data_folder(kind: str) -> Path:
    """Folder of shipped data: `kind` is "meshes" (vessels and cell templates), "reference" (benchmark tables) or
    "runs" (the quickstart's case).

    The wheel's copy wins where both exist, so that an installed hemoflow never depends on a folder beside it.
    Raises InputError for an unknown kind or an incomplete installation.
    """
    if kind not in _IN_CHECKOUT:
        raise InputError(f"no shipped data is called {kind!r}; there is: {', '.join(sorted(_IN_CHECKOUT))}")
    for folder in (_PACKAGE / "data" / kind, _PACKAGE.parent / _IN_CHECKOUT[kind]):
        if folder.is_dir():
            return folder
    raise InputError(f"the shipped {kind} are missing from {_PACKAGE}; install hemoflow again")


def reference_tables() -> list[Path]:
    """Every shipped benchmark table (*.csv), sorted by name."""
    return sorted(data_folder("reference").glob("*.csv"))


def bibliography() -> Path:
    """The BibTeX file with every reference that hemoflow's models rest on."""
    return _PACKAGE / "references.bib"
