"""What a case rests on is found by what it uses and by the sources that its parameters name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hemoflow.citations import bibliography, cited_by, named_in
from hemoflow.errors import InputError


def case(folder: Path, text: str) -> Path:
    path = folder / "case.toml"
    path.write_text(text)
    return path


def test_every_entry_is_named_after_its_first_author_and_year() -> None:
    entries = bibliography()
    assert len(entries) > 60
    for key, entry in entries.items():
        surname = re.sub(r"[^a-z]", "", entry["surname"])
        assert key in (surname + entry["year"], surname.replace("u", "ue", 1) + entry["year"])  # Krüger is krueger
        assert entry["text"].count(entry["year"]) >= 1 and "{" not in entry["text"]


def test_a_source_is_recognised_by_first_author_and_year() -> None:
    entries = bibliography()
    sources = (
        "Bell 1978 Science 200:618",
        "Waugh and Evans 1979",
        "Fischer-Friedrich et al. 2014",
        "Evans and Waugh 1977",
    )
    keys = [[entry["key"] for entry in named_in(source, entries)] for source in sources]
    assert keys == [["bell1978"], ["waugh1979"], ["fischerfriedrich2014"], []]


def test_a_tumor_cell_brings_the_sources_of_its_mechanics(tmp_path: Path) -> None:
    found = {
        entry["key"]: entry
        for entry in cited_by(case(tmp_path, '[vessel]\nformula="tube"\n[[cells]]\ntype="ctc-breast"\n'))
    }
    assert {"mendelaar2021", "peskin2002", "helfrich1973", "ginzburg2008"} <= set(found)
    assert "jacobson2013" not in found
    assert any("diameter" in purpose for purpose in found["mendelaar2021"]["used_for"])


def test_a_value_that_the_user_gives_is_not_attributed_to_the_catalogue(tmp_path: Path) -> None:
    text = '[vessel]\nformula="tube"\n[[cells]]\ntype="ctc-breast"\ndiameter="11 um"\n'
    purposes = {purpose for entry in cited_by(case(tmp_path, text)) for purpose in entry["used_for"]}
    assert "ctc-breast: cortical_tension" in purposes and "ctc-breast: diameter" not in purposes


def test_plasma_alone_cites_no_cell_model(tmp_path: Path) -> None:
    keys = {entry["key"] for entry in cited_by(case(tmp_path, '[vessel]\ngeometry="a.stl"\n'))}
    assert "jacobson2013" in keys and not {"peskin2002", "helfrich1973", "bell1978"} & keys


def test_unreadable_cases_and_unknown_cells_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="TOML"):
        cited_by(case(tmp_path, "[vessel"))
    with pytest.raises(InputError, match="ctc-breast"):
        cited_by(case(tmp_path, '[[cells]]\ntype="unicorn"\n'))


def test_wall_shear_stress_brings_its_sources(tmp_path: Path) -> None:
    steady = '[vessel]\ngeometry="a.stl"\n[output]\nfields=["wall_shear_stress"]\n'
    swinging = steady + '[flow]\nwaveform={kind="sine", period="1 s"}\n'
    keys = [{entry["key"] for entry in cited_by(case(tmp_path, text))} for text in (steady, swinging)]
    assert "matyka2013" in keys[0] and keys[1] - keys[0] == {"he1996"}
