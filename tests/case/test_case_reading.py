"""What a case file promises: SI values in one record, exact round trips, overrides, and good messages for bad files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from hemoflow.case import Case, case_text, read_case, read_case_text
from hemoflow.case.cells import OVERRIDABLE, CellSection
from hemoflow.case.formulas import FORMULAS, read_parameters
from hemoflow.case.record import General
from hemoflow.case.tables import Kind, Record, Table, Tables, kinds_of
from hemoflow.cells.catalogue import CATALOGUE
from hemoflow.errors import InputError
from hemoflow.fate.runfolder import read_record

ROOT = Path(__file__).resolve().parents[2]
TUBE = """
[vessel]
formula = "tube"
length = "100 um"
diameter = "20 µm"
[flow]
pressure_drop = "60 Pa"
[resolution]
node_spacing = "0.8 um"
[[cells]]
type = "ctc-breast"
[run]
until = "50 ms"
"""
EVERYTHING = """
[case]
name = "every-key_1.0"
[vessel]
formula = "box"
length = "0.1 mm"
width = "30 um"
height = "20 um"
periodic = ["x", "y"]
wall_velocity = { "z+" = ["1.1 mm/s", "0 m/s", "0 m/s"] }
[flow]
viscosity = "3.5 cP"
density = "1.06 g/mL"
hematocrit = 0.25
body_force = ["7 kPa/m", "-3 Pa/mm", "0.1 N/m^3"]
initial_velocity = "taylor-green"
initial_speed = "0.7 mm/s"
waveform = { kind = "sine", mean = 0.9, amplitude = 0.3, period = "0.83 s", phase = "30 deg" }
[resolution]
node_spacing = "0.333333333333 um"
relaxation_time = 0.8
precision = "float64"
density_scale = 3.7
collision = "bgk"
magic = 0.25
[[cells]]
type = "ctc-breast"
name = "first"
cortical_tension = "312 pN/um"
bending_modulus = "0.3 aJ"
vertices = 1002
[[cells]]
type = "capsule"
name = "second"
count = 2
diameter = "9.1 um"
shear_modulus = "5 uN/m"
law = "neo-hookean"
[[cells]]
type = "drop"
position = ["11 um", "12.3 um", "9 um"]
diameter = "5 um"
cortical_tension = "0.1 dyn/cm"
[contact]
wall_range = "0.2 um"
strength = "31 Pa"
[coupling]
kernel = 4
[fate]
exit = {}
[fate.survival]
first = "6 h"
second = 0.25
"third key" = ["a", { b = true }]
[run]
until = "80 ms"
stop_when = ["stalled", "passed"]
seed = 12
checkpoint_every = "5 min"
max_wall = "2 h"
[output]
every = "0.1 ms"
fields = ["stress"]
"""


def test_values_become_si_floats_and_what_is_not_said_takes_its_default() -> None:
    case = read_case_text(TUBE, "/anywhere/quick start")
    assert case.vessel.parameters == {"length": 1e-4, "diameter": 2e-5}
    assert case.flow.pressure_drop == 60.0 and case.run.until == 0.05
    assert (case.flow.viscosity, case.flow.density, case.contact.wall_range) == (1.2e-3, 1025.0, 1e-7)
    assert (case.coupling.kernel, case.resolution.magic, case.resolution.density_scale) == (3, 3 / 16, "auto")
    assert case.cells == (CellSection(type="ctc-breast"),)
    assert case.case == General(name="quick-start")
    assert case.folder == Path("/anywhere/quick start")


@pytest.mark.parametrize("text", [TUBE, EVERYTHING], ids=["defaults", "every key"])
def test_a_case_written_out_reads_back_to_an_equal_case(text: str) -> None:
    case = read_case_text(text, "/anywhere")
    again = read_case_text(case_text(case), "/elsewhere")
    assert again == case
    assert case_text(again) == case_text(case)


def test_blood_that_thins_has_the_values_of_blood_and_no_other_viscosity() -> None:
    case = read_case_text(TUBE.replace("[flow]", "[flow]\nrheology = { index = 0.5 }"), "/anywhere")
    law = case.flow.law
    assert (law.zero_shear, law.infinite_shear, law.time, law.index) == (56e-3, 3.45e-3, 3.313, 0.5)
    assert case.flow.viscosity is None and "viscosity" not in tomllib.loads(case_text(case))["flow"]
    assert read_case_text(case_text(case), "/anywhere") == case


def test_cases_that_differ_are_not_equal() -> None:
    case = read_case_text(TUBE, "/anywhere")
    assert case != read_case_text(TUBE, "/anywhere", ["coupling.kernel=4"])
    assert case != TUBE


def test_a_written_case_lists_every_default_in_si_with_its_unit() -> None:
    written = tomllib.loads(case_text(read_case_text(TUBE, "/anywhere")))
    assert written["flow"]["viscosity"] == "0.0012 Pa s"
    assert written["contact"]["wall_range"] == "1e-07 m"
    assert written["cells"][0]["cortical_tension"] == "0.0002 N/m"
    assert written["cells"][0]["law"] == "neo-hookean"
    tables = {name: kind.model for name, kind in kinds_of(Case).items() if isinstance(kind, Table)}
    assert len(tables) > 7
    for name, model in tables.items():
        given = {key for key in kinds_of(model) if _has_default(model, key)}
        assert given - set(written[name]) <= {"openings", "periodic", "wall_velocity", "stop_when"}


def _has_default(model: type[Record], key: str) -> bool:
    return not model.model_fields[key].is_required() and model.model_fields[key].default is not None


def test_the_scores_read_a_written_case(tmp_path: Path) -> None:
    case = read_case_text(TUBE, tmp_path, ["case.name=my-case", "flow.viscosity=2 cP", "run.seed=7"])
    (tmp_path / "case.toml").write_text(case_text(case), encoding="utf-8")
    record = read_record(tmp_path)
    assert (record.name, record.seed, record.viscosity) == ("my-case", 7, 2e-3)
    assert record.quantity(record.case["cells"][0]["cortical_tension"], "N/m", "cells") == 2e-4


def test_every_cell_type_round_trips_with_the_same_mechanics() -> None:
    needed = {"diameter": "9 um", "shear_modulus": "5 uN/m", "cortical_tension": "0.1 mN/m"}
    for name in CATALOGUE:
        drop = (
            {"shear_modulus": "0 N/m"} if name == "drop" else {}
        )  # a drop has no shear modulus, and a given one is refused
        overrides = [f"cells.0.type={name}", *(f"cells.0.{key}={value}" for key, value in (needed | drop).items())]
        case = read_case_text(TUBE, "/", overrides)
        again = read_case_text(case_text(case), "/")
        assert again == case
        assert again.cells[0].complete() == case.cells[0].complete()


def test_the_parameters_of_formulas_are_those_of_the_vessels_made_from_them() -> None:
    from hemoflow.geometry import formula

    assert list(FORMULAS) == list(formula.FORMULAS)
    for name, made in formula.FORMULAS.items():
        asked = FORMULAS[name]
        assert set(asked.kinds) == set(made.parameters) and asked.periodic == made.periodic
        for key, default in asked.optional.items():
            expected = made.parameters[key].default
            assert default == (None if expected is None else pytest.approx(expected, rel=1e-14)), (name, key)
        for key, kind in asked.kinds.items():
            assert getattr(kind, "unit", "1") == made.parameters[key].unit


def test_parameters_of_a_formula_are_read_from_texts_with_all_faults_at_once() -> None:
    given = {"diameter": "8 um", "edge_length": "20 um", "rows": "3"}
    assert read_parameters("honeycomb", given) == {"diameter": 8e-6, "edge_length": 2e-5, "rows": 3}
    assert read_parameters("bifurcation", {"angle": "180 deg"}) == {"angle": pytest.approx(3.14159265, rel=1e-8)}
    with pytest.raises(
        InputError, match=r"(?s)row: unknown key; did you mean 'rows'.*columns: 'two' is not a plain whole"
    ):
        read_parameters("honeycomb", {"row": "3", "columns": "two"})
    with pytest.raises(InputError, match=r"'tub' is not one of .*did you mean 'tube'"):
        read_parameters("tub", {})


def test_every_formula_round_trips_with_its_defaults() -> None:
    for name, formula in FORMULAS.items():
        body = "".join(f'{key} = "10 um"\n' for key in formula.required)
        case = read_case_text(f'[vessel]\nformula = "{name}"\n{body}[flow]' + TUBE.split("[flow]")[1], "/")
        assert set(case.vessel.parameters) == {*formula.required, *formula.defaults}
        assert read_case_text(case_text(case), "/") == case


def test_every_field_of_a_cell_type_can_be_overridden() -> None:
    assert set(CATALOGUE["drop"].__dataclass_fields__) - {"name", "description"} == set(OVERRIDABLE)


def test_words_for_cells_are_the_ones_the_membrane_knows() -> None:
    from hemoflow.cells import bending, elasticity

    assert OVERRIDABLE["law"].words == elasticity.LAWS and OVERRIDABLE["bending"].words == bending.MODELS


def test_a_vessel_file_is_found_beside_the_case_and_written_as_an_absolute_path(tmp_path: Path) -> None:
    (tmp_path / "case").mkdir()
    (tmp_path / "wall.stl").write_text("solid\nendsolid\n")
    vessel = '[vessel]\ngeometry = "../wall.stl"\nunit = "0.65 um"\nkind = "surface"\n'
    more = 'openings = [{ name = "in", at = ["0 um", "1 um", "2 um"] }]\n[flow]'
    path = tmp_path / "case" / "case.toml"
    path.write_text(vessel + more + TUBE.split("[flow]")[1], encoding="utf-8")
    case = read_case(path)
    assert case.vessel.geometry == (tmp_path / "wall.stl").resolve()
    assert case.case.name == "case" and case.folder == tmp_path / "case"
    assert case.vessel.openings[0].at == (0.0, 1e-6, 2e-6)
    assert read_case_text(case_text(case), "/") == case


def test_a_network_crop_and_component_round_trip(tmp_path: Path) -> None:
    (tmp_path / "net.swc").write_text("1 1 0 0 0 1 -1\n")
    crop = '{ min = ["0 um", "0 um", "0 um"], max = ["90 um", "80 um", "0.1 mm"] }'
    vessel = f'[vessel]\ngeometry = "net.swc"\nunit = "um"\ncomponent = "12"\ncrop = {crop}\n'
    case = read_case_text(vessel + '[resolution]\nnode_spacing = "1 um"\n[run]\nuntil = "1 s"\n', tmp_path)
    assert case.vessel.crop is not None and case.vessel.crop.max == (9e-5, 8e-5, 1e-4)
    assert read_case_text(case_text(case), "/") == case


def test_openings_can_carry_the_conditions() -> None:
    openings = '[{ name = "in", pressure = "1 mmHg" }, { name = "out", flow_rate = "-1 nL/min", profile = "plug" }]'
    case = read_case_text(TUBE.replace('pressure_drop = "60 Pa"', f"openings = {openings}"), "/")
    assert case.flow.openings[0].pressure == pytest.approx(133.322, rel=1e-5)
    assert case.flow.openings[1].flow_rate == pytest.approx(-1e-12 / 60, rel=1e-12)
    assert read_case_text(case_text(case), "/") == case


def test_overrides_replace_values_before_the_checks() -> None:
    overrides = [
        "flow.pressure_drop=80 Pa",
        'cells.0.diameter="14 um"',
        "cells[0].count=3",
        "resolution.magic = 0.25",
        'run.stop_when=["passed"]',
        "contact.wall_range=0.1 um",
        'cells.0.position=["1 um", "2 um", "3 um"]',
        "cells.0.count=1",
    ]
    case = read_case_text(TUBE, "/", overrides)
    cell = case.cells[0]
    assert case.flow.pressure_drop == 80.0 and cell.overrides == {"diameter": 1.4e-5} and cell.count == 1
    assert cell.position == (1e-6, 2e-6, 3e-6)
    assert case.resolution.magic == 0.25 and case.run.stop_when == ("passed",) and case.contact.wall_range == 1e-7


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("flow.presure_drop=80 Pa", "flow.presure_drop (override): unknown key; did you mean 'pressure_drop'?"),
        ("flw.pressure_drop=80 Pa", "flw: unknown key; did you mean 'flow'?"),
        ("cells.3.diameter=1 um", "cells[3]: no such entry to set; it has entries 0 to 0"),
        ("cells.diameter=1 um", "cells[diameter]: no such entry"),
        ("flow.viscosity.x=1", "flow.viscosity"),
        ("flow.pressure_drop", "KEY.PATH=VALUE"),
        ("=3", "KEY.PATH=VALUE"),
        ("flow.pressure_drop=80", "80 has no unit"),
        ("flow.pressure_drop=nan", "no unit"),
        ("coupling.kernel=1\nx=2", "coupling.kernel"),
    ],
)
def test_a_wrong_override_is_reported_like_a_wrong_key(override: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        read_case_text(TUBE, "/", [override])
    assert words in str(refused.value)


def test_a_syntax_error_names_file_line_and_column(tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_text('[flow]\nviscosity = "1 mPa s\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"broken\.toml: not valid TOML, .*line 2, column 21"):
        read_case(path)
    path.write_text("[flow]\ndensity = 1\ndensity = 2\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"not valid TOML, line 3, column"):
        read_case(path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "not text in UTF-8"),
        (b"a = 1\n\0\n", "a binary file"),
        ('name = "Blutgefäß"'.encode("latin-1"), "not text in UTF-8"),
        (b"#" * (2**20 + 1), "1048577 bytes; a case file has at most 1048576"),
        (b"a = " + b"[" * 100_000, "not valid TOML"),
        (b"a = " + b"9" * 10_000, "not valid TOML"),
        (b"", "vessel: missing"),
    ],
    ids=["png", "nul", "latin-1", "huge", "deep", "digits", "empty"],
)
def test_a_file_that_is_no_case_gives_one_message(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "case.toml"
    path.write_bytes(content)
    with pytest.raises(InputError) as refused:
        read_case(path)
    assert words in str(refused.value) and str(refused.value).startswith(str(path))


def test_a_file_that_is_not_there_or_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read_case(tmp_path / "missing.toml")
    with pytest.raises(InputError, match="is a folder"):
        read_case(tmp_path)
    with pytest.raises(InputError, match="cannot be read"):
        read_case(tmp_path / ("long" * 100))


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    path = tmp_path / "mark.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TUBE.replace("\n", "\r\n").encode())
    assert read_case(path).case.name == "mark"


def keys(model: type[Record], path: str = "") -> set[str]:
    """Every key of a table and those inside it, as docs/case-file.md writes them."""
    found: set[str] = set()
    kinds: dict[str, Kind] = kinds_of(model)
    if model is CellSection:
        kinds = kinds | OVERRIDABLE
    for key, kind in kinds.items():
        inner = f"{path}.{key}" if path else key
        if path:
            found.add(inner)
        if isinstance(kind, Table):
            found |= keys(kind.model, inner)
        elif isinstance(kind, Tables):
            found |= keys(kind.model, f"{inner}[]")
        elif key == "fate":
            found |= {f"fate.{name}" for name in kind.names}  # type: ignore[attr-defined]
    return found


def test_the_documentation_lists_exactly_the_keys_there_are() -> None:
    text = (ROOT / "docs" / "case-file.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+(?:\[\])?\.[\w.\[\]]+)` \|", text, re.M)) == keys(Case)
    rows = re.findall(r"^\| `(\w+)` \| (.*) \| ?(.*) ?\|$", text, re.M)
    listed = {name: (re.findall(r"`(\w+)`", needed), re.findall(r"`(\w+)`", rest)) for name, needed, rest in rows}
    assert listed == {name: (list(f.required), list(f.optional)) for name, f in FORMULAS.items()}
    for name in CATALOGUE:
        assert f"`{name}`" in text


def test_the_case_in_the_documentation_is_a_case() -> None:
    text = (ROOT / "docs" / "case-file.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.S)
    assert read_case_text(example, "/").vessel.formula == "constriction"


def test_reading_a_case_loads_neither_jax_nor_pint() -> None:
    code = (
        "import sys; from hemoflow.case import read_case_text; read_case_text(sys.argv[1], '/');"
        "print([name for name in ('jax', 'pint', 'scipy', 'matplotlib') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", code, TUBE], capture_output=True, text=True, check=True, env=environment
    )
    assert run.stdout.strip() == "[]"
