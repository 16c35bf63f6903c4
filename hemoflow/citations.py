"""The references that a case rests on: methods by what the case uses, numbers by the sources its parameters name."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hemoflow import resources
from hemoflow.errors import InputError

_ENTRY = re.compile(r"^@\w+\{([^,\s]+),\n(.*?)^\}", re.M | re.S)
_FIELD = re.compile(r"^\s*(\w+) = \{(.*)\},?$", re.M)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")

_EVERY_CASE = {
    "lattice": ("qian1992",),
    "collision": ("ginzburg2008",),
    "body force": ("guo2002",),
    "walls": ("ginzburg2008", "marson2021"),
}
_WITH_CELLS = {
    "membrane and fluid": ("peskin2002", "roma1999", "krueger2011"),
    "elasticity": ("skalak1973", "barthesbiesel1981"),
    "bending": ("helfrich1973",),
}
_NETWORK_FILES = {".swc", ".graphml", ".dgf", ".csv", ".txt", ".dat"}

Entry = dict[str, Any]


def cited_by(case: str | Path) -> list[Entry]:
    """References of a case file, in order of first use: key, what it is used for, one line of text, the BibTeX entry.

    A source that is not in the bibliography (a web page, a data set) is listed by its own words with an empty key.
    Raises InputError for a file that is not TOML or a cell type that does not exist.
    """
    path = Path(case)
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path}: cannot be read as TOML ({error})") from error
    entries = bibliography()
    used: dict[str, Entry] = {}
    for purpose, key in _methods(content):
        _add(used, entries[key], purpose)
    for purpose, source in _sources(content):
        for part in filter(None, map(str.strip, source.split(";"))):
            for found in named_in(part, entries) or _plain_source(part):
                _add(used, found, purpose)
    return list(used.values())


def bibliography() -> dict[str, Entry]:
    """Every entry of `references.bib` by key, with its text and BibTeX."""
    text = resources.bibliography().read_text(encoding="utf-8")
    return {found.group(1): _entry(found) for found in _ENTRY.finditer(text)}


def named_in(source: str, entries: dict[str, Entry]) -> list[Entry]:
    """The entries that a source such as "Bell 1978 Science 200:618" names: first author and year."""
    words = _letters(source)
    years = set(_YEAR.findall(source))
    found = [e for e in entries.values() if e["year"] in years and re.search(rf"\b{re.escape(e['surname'])}\b", words)]
    return [
        entry for entry in found if words.find(entry["surname"]) == min(words.find(other["surname"]) for other in found)
    ]


def _methods(case: dict[str, Any]) -> Iterator[tuple[str, str]]:
    methods = dict(_EVERY_CASE)
    vessel = case.get("vessel", {})
    suffix = Path(str(vessel.get("geometry", ""))).suffix.lower()
    if vessel.get("kind") == "network" or suffix in _NETWORK_FILES:
        methods["flow in the network"] = ("sutera1993", "pries1994")
    elif suffix:
        methods["inside and outside of a surface mesh"] = ("jacobson2013",)
    if "rheology" in case.get("flow", {}):
        methods["viscosity that falls with the shear rate"] = ("yasuda1981", "cho1991")
    if "wall_shear_stress" in case.get("output", {}).get("fields", ()):
        methods["wall shear stress"] = ("stahl2010", "matyka2013")
        if case.get("flow", {}).get("waveform", {}).get("period"):
            methods["mean wall shear stress and oscillatory shear index"] = ("he1996",)
    if case.get("cells"):
        methods |= _WITH_CELLS
        methods["exit chain"] = ("gillespie1977", "aalen1978")
    for purpose, keys in methods.items():
        yield from ((purpose, key) for key in keys)


def _sources(case: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """(purpose, source) of each catalogue value and each fate parameter that the case takes over."""
    from hemoflow.cells.catalogue import CATALOGUE
    from hemoflow.fate.arrest import ArrestModel
    from hemoflow.fate.exit import ExitModel
    from hemoflow.fate.parameters import table
    from hemoflow.fate.survival import SurvivalModel

    for section in case.get("cells", []):
        name = str(section.get("type", ""))
        if name not in CATALOGUE:
            raise InputError(f"no cell type is called {name!r}; there is: {', '.join(CATALOGUE)}")
        for field, parameter in CATALOGUE[name].parameters().items():
            if parameter.source and field not in section:
                yield f"{name}: {field}", parameter.source
    if case.get("cells"):
        for purpose, model in (("survival", SurvivalModel()), ("arrest", ArrestModel()), ("exit", ExitModel())):
            rows = (row for row in table(model) if row["confidence"] in ("verified", "recalled"))
            yield from ((f"{purpose}: {row['name']}", row["source"]) for row in rows)


def _add(used: dict[str, Entry], entry: Entry, purpose: str) -> None:
    known = used.setdefault(entry["key"] or entry["text"], {**entry, "used_for": []})
    if purpose not in known["used_for"]:
        known["used_for"].append(purpose)


def _plain_source(source: str) -> list[Entry]:
    """A source outside the bibliography, if its words lead anywhere: a year, a DOI or an address."""
    leads = _YEAR.search(source) or "doi:" in source or "github.com" in source
    return [{"key": "", "surname": "", "year": "", "text": source, "bibtex": f"% {source}"}] if leads else []


def _entry(found: re.Match[str]) -> Entry:
    key, values = found.group(1), dict(_FIELD.findall(found.group(2)))
    authors = [name.partition(",")[0] for name in values["author"].split(" and ")]
    people = authors[0] + (" et al." if len(authors) > 2 else f" and {authors[1]}" if len(authors) == 2 else "")
    people = people.replace("and others", "et al.")
    place = " ".join(
        filter(None, [values["journal"], ":".join(filter(None, [values.get("volume"), values.get("pages")]))])
    )
    parts = [
        f"{people} {values['year']}",
        values.get("title", ""),
        place,
        f"doi:{values['doi']}" if "doi" in values else "",
    ]
    text = re.sub(r"[{}]|\\[`'\"^]", "", ". ".join(filter(None, parts))).replace("--", "-")
    return {
        "key": key,
        "surname": _letters(authors[0]),
        "year": values["year"],
        "text": text,
        "bibtex": found.group().strip(),
    }


def _letters(text: str) -> str:
    """Lower case without the marks of TeX or accents, so that names compare."""
    import unicodedata

    plain = unicodedata.normalize("NFKD", re.sub(r"[{}\\`'\"^]", "", text))
    return "".join(c for c in plain if not unicodedata.combining(c)).lower()
