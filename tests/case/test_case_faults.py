"""Everything wrong with a case is reported at once, each fault with its path, its value and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from hemoflow.case import read_case_text
from hemoflow.errors import InputError

GOOD = {
    "vessel": 'formula = "tube"\nlength = "100 um"\ndiameter = "20 um"',
    "flow": 'pressure_drop = "60 Pa"',
    "resolution": 'node_spacing = "0.8 um"',
    "cells": 'type = "ctc-breast"',
    "run": 'until = "50 ms"',
}


def case_with(**sections: str | None) -> str:
    """A good case with some sections replaced (`None`: left out)."""
    chosen = {name: body for name, body in {**GOOD, **sections}.items() if body is not None}
    return "\n".join(f"{'[[cells]]' if name == 'cells' else f'[{name}]'}\n{body}" for name, body in chosen.items())


def refusal(text: str, folder: str | Path = "/") -> str:
    with pytest.raises(InputError) as refused:
        read_case_text(text, folder)
    return str(refused.value)


def test_the_good_case_is_read() -> None:
    assert read_case_text(case_with(), "/").flow.pressure_drop == 60.0


def test_all_faults_of_a_case_come_in_one_message() -> None:
    message = refusal(
        """
[vessel]
formula = "tube"
length = 3
[flow]
viscosity = "3 m"
viscocity = "1 Pa s"
mean_velocity = "1 mm/s"
pressure_drop = "nan Pa"
[resolution]
node_spacing = "-1 um"
relaxation_time = 0.5001
time_step = "1 us"
precision = "float46"
[[cells]]
type = "ctc-brest"
diameter = "0 um"
[[cells]]
type = "capsule"
diameter = "8 um"
[contact]
wall_range = "1 um"
[coupling]
kernel = 5
[runn]
until = "3 s"
"""
    )
    lines = [line.strip() for line in message.splitlines()]
    expected = [
        "vessel.length (line 4): 3 has no unit",
        "vessel.diameter (line 2): missing; a tube needs a length such as '12 um'",
        "flow.viscosity (line 6): '3 m' is a length, needs a dynamic viscosity, e.g. '1.2 mPa s'",
        "flow.viscocity (line 7): unknown key; did you mean 'viscosity'?",
        "flow.pressure_drop (line 9): 'nan Pa' does not start with a number",
        "flow (line 5): mean_velocity and pressure_drop contradict each other; keep one of them",
        "resolution.node_spacing (line 11): '-1 um' is out of range; must be above zero",
        "resolution.relaxation_time (line 12): 0.5001 is out of range; must be 0.505 to 5",
        "resolution.precision (line 14): 'float46' is not one of float32, float64; did you mean",
        "resolution (line 10): relaxation_time and time_step contradict each other; keep one of them",
        "cells[0].type (line 16): 'ctc-brest' is not one of",
        "cells[0].diameter (line 17): '0 um' is out of range; must be above zero",
        "cells[1].shear_modulus (line 18): missing; cell type 'capsule' needs a tension such as '0.2 mN/m'",
        "contact.wall_range (line 22): '1 um' is out of range; must be above zero and at most 0.3 um",
        "coupling.kernel (line 24): 5 is out of range; must be 2, 3 or 4",
        "runn (line 25): unknown key; did you mean 'run'?",
        "run.until: missing",
    ]
    assert lines[0] == f"case: {len(expected)} faults"
    for start in expected:
        assert any(line.startswith(start) for line in lines), start


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"vessel": None}, "vessel: missing"),
        ({"resolution": None}, "resolution: missing"),
        ({"resolution": 'precision = "float64"'}, "resolution.node_spacing (line 7): missing; give a length such as"),
        ({"vessel": 'length = "1 um"'}, "vessel (line 1): missing; give exactly one of geometry, formula"),
        ({"vessel": 'formula = "tube"\nlength = "1 um"'}, "vessel.diameter (line 1): missing; a tube needs a length"),
        ({"cells": 'name = "x"'}, "cells[0].type (line 9): missing; give one of ctc-breast"),
        ({"cells": 'type = "drop"\ndiameter = "5 um"'}, "cells[0].cortical_tension (line 9): missing"),
        ({"flow": 'viscosity = "1 cP"'}, "flow (line 5): missing: nothing drives the flow; give one of mean_velocity"),
        ({"flow": None}, "flow: missing: nothing drives the flow"),
        ({"flow": 'initial_velocity = "taylor-green"'}, "flow.initial_speed (line 5): missing"),
        ({"flow": 'pressure_drop = "1 Pa"\nwaveform = { kind = "sine" }'}, "flow.waveform.period (line 7): missing"),
        ({"flow": 'openings = [{ name = "in" }]'}, "flow.openings[0] (line 6): missing; give exactly one of pressure"),
        (
            {"flow": 'pressure_drop = "1 Pa"\nviscosity = "1 cP"\nrheology = {}'},
            "flow (line 5): viscosity and rheology",
        ),
        ({"flow": 'pressure_drop = "1 Pa"\nhematocrit = 0.4\nrheology = {}'}, "flow.hematocrit (line 7): contradicts"),
        (
            {"flow": 'pressure_drop = "1 Pa"\nrheology = { zero_shear_viscosity = "1 mPa s" }'},
            "flow.rheology.infinite_shear_viscosity (line 7): 0.00345 Pa s is above zero_shear_viscosity, 0.001 Pa s",
        ),
        (
            {
                "flow": 'pressure_drop = "1 Pa"\nrheology = { law = "carreau-yasuda" }',
                "resolution": 'node_spacing = "1 um"\ncollision = "bgk"',
            },
            "resolution.collision (line 10): contradicts flow.rheology",
        ),
        ({"run": 'stop_when = ["passed"]'}, "run.until (line 11): missing: nothing is sure to end the run"),
        ({"run": 'stop_when = ["passed", "stalled"]', "cells": None}, "run.until (line 9): missing"),
    ],
)
def test_what_is_missing_is_asked_for(sections: dict[str, str | None], words: str) -> None:
    assert words in refusal(case_with(**sections))


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"flow": 'flow_rate = "1 nL/s"\nbody_force = "1 Pa/m"'}, "flow_rate and body_force contradict each other"),
        (
            {"flow": 'pressure_drop = "1 Pa"\nopenings = [{ name = "in", pressure = "1 Pa" }]'},
            "pressure_drop and openings contradict each other",
        ),
        (
            {"flow": 'openings = [{ name = "in", pressure = "1 Pa", velocity = "1 m/s" }]'},
            "flow.openings[0] (line 6): pressure and velocity contradict each other",
        ),
        (
            {"flow": 'openings = [{ name = "a", pressure = "1 Pa" }, { name = "a", pressure = "0 Pa" }]'},
            "flow.openings[1].name (line 6): 'a' is also the name of flow.openings[0]; choose another",
        ),
        ({"flow": 'pressure_drop = "1 Pa"\ninitial_speed = "1 m/s"'}, "belongs to initial_velocity"),
        (
            {"flow": 'pressure_drop = "1 Pa"\nwaveform = { amplitude = 0.5, period = "1 s" }'},
            "flow.waveform.amplitude (line 7): contradicts kind",
        ),
        (
            {"resolution": 'node_spacing = "1 um"\nmax_reynolds = 1\ntime_step = "1 us"'},
            "time_step and max_reynolds contradict each other",
        ),
        (
            {"resolution": 'node_spacing = "1 um"\nmax_reynolds = 1\ndensity_scale = 2'},
            "resolution.density_scale (line 10): contradicts max_reynolds",
        ),
        ({"vessel": GOOD["vessel"] + '\nunit = "um"'}, "vessel.unit (line 5): belongs to a vessel file"),
        ({"vessel": GOOD["vessel"] + '\nheight = "1 um"'}, "vessel.height (line 5): unknown key"),
        (
            {"vessel": GOOD["vessel"] + '\nwall_velocity = { "y+" = ["1 m/s", "0 m/s", "0 m/s"] }'},
            "vessel.wall_velocity.y+ (line 5): a tube has no plane wall there",
        ),
        (
            {
                "vessel": 'formula = "box"\nlength = "9 um"\nwidth = "9 um"\nheight = "9 um"\nperiodic = ["y"]\n'
                'wall_velocity = { "y+" = ["1 m/s", "0 m/s", "0 m/s"], "z-" = ["0 m/s", "0 m/s", "1 m/s"] }'
            },
            "z component must be",
        ),
        (
            {"cells": 'type = "pc-3"\ncount = 2\nposition = ["1 um", "1 um", "1 um"]'},
            "cells[0].position (line 12): 2 cells cannot share one place",
        ),
        (
            {"cells": 'type = "pc-3"\nname = "a"\n[[cells]]\ntype = "pc-3"\nname = "a"'},
            "'a' is also the name of cells[0]",
        ),
    ],
)
def test_contradictions_are_named(sections: dict[str, str | None], words: str) -> None:
    assert words in refusal(case_with(**sections))


@pytest.mark.parametrize(
    ("section", "line", "words"),
    [
        ("flow", "viscosity = 0.0012", "flow.viscosity (line 7): 0.0012 has no unit; write number and unit as text"),
        ("flow", 'viscosity = "0.0012"', "'0.0012' has no unit"),
        ("flow", 'viscosity = "1e-6 m2/s"', "is a kinematic viscosity, needs a dynamic viscosity"),
        ("flow", 'viscosity = "0 Pa s"', "'0 Pa s' is out of range; must be above zero"),
        ("flow", 'viscosity = "1e400 Pa s"', "not a finite number"),
        ("flow", 'viscosity = "inf Pa s"', "does not start with a number"),
        ("flow", 'viscosity = "1,2 mPa s"', "write a decimal point"),
        ("flow", 'viscosity = "1 furlong furz"', "is not a known unit"),
        ("flow", "viscosity = true", "true is not a quantity"),
        ("flow", 'viscosity = ["1 Pa s"]', "is not a quantity"),
        ("flow", "density = 2026-01-01", "is not a quantity"),
        ("flow", "hematocrit = 1.2", "flow.hematocrit (line 7): 1.2 is out of range; must be 0 to 0.9"),
        ("flow", 'hematocrit = "0.4"', "is not a plain number; write it without quotes"),
        ("flow", "hematocrit = nan", "nan is not a number a computer can hold"),
        ("flow", f"hematocrit = 0x{'f' * 9000}", "is not a number a computer can hold"),
        ("flow", 'initial_velocity = "swirl"', 'is not "rest" or "taylor-green" or a list of three quantities'),
        ("flow", 'initial_velocity = ["1 m/s", "0 m/s"]', "a list of three quantities"),
        (
            "flow",
            'initial_velocity = ["1 m/s", "0 m/s", "1 m"]',
            "flow.initial_velocity[2] (line 7): '1 m' is a length",
        ),
        ("flow", "waveform = 3", "flow.waveform (line 7): 3 is not a table"),
        ("flow", "openings = 3", "flow.openings (line 7): 3 is not a list of tables"),
        ("resolution", "collision = 'mrt'", "is not one of trt, bgk"),
        ("resolution", "relaxation_time = inf", "inf is not a number a computer can hold"),
        ("resolution", 'density_scale = "big"', 'is not a plain number or "auto"'),
        ("cells", "count = 1.5", "1.5 is not a whole number"),
        ("cells", "count = 0", "0 is out of range; must be 1 to"),
        (
            "cells",
            "law = 'skalk'",
            "cells[0].law (line 11): 'skalk' is not one of skalak, neo-hookean, hookean, evans-skalak, none; did you mean",
        ),
        ("cells", 'cortical_tension = "300 Pa"', "is a pressure or stress, needs a tension"),
        ("cells", 'cortical_tensin = "1 N/m"', "unknown key; did you mean 'cortical_tension'?"),
        ("cells", 'name = "a b"', "may hold only letters, digits, dot, underscore and hyphen"),
        ("run", 'stop_when = "passed"', "is not a list"),
        (
            "run",
            'stop_when = ["passes"]',
            "run.stop_when[0] (line 13): 'passes' is not one of passed, stalled; did you",
        ),
        ("run", 'stop_when = ["passed", "passed"]', "holds a word twice"),
        ("run", "seed = -1", "run.seed (line 13): -1 is out of range"),
        ("vessel", 'periodic = ["w"]', "vessel.periodic[0]"),
        ("vessel", 'wall_velocity = { "q+" = [] }', "vessel.wall_velocity.q+ (line 5): unknown key"),
    ],
)
def test_a_wrong_value_is_shown_with_its_remedy(section: str, line: str, words: str) -> None:
    assert words in refusal(case_with(**{section: f"{GOOD[section]}\n{line}"}))


@pytest.mark.parametrize("name", ["a/b", "../x", "a\\nb", "", "x" * 65, "é", "a;b"])
def test_case_names_are_whitelisted(name: str) -> None:
    assert "case.name (line 2)" in refusal(f'[case]\nname = "{name}"\n' + case_with())


def test_a_section_that_is_not_a_table_is_reported_with_the_rest() -> None:
    message = refusal('flow = 3\nvessel = "tube"\ncells = { type = "pc-3" }\ncase = 1\nrun = []\n[fate]\nsurvival = 1')
    for name in ("flow", "vessel", "case", "run"):
        assert f"\n  {name} (line" in message and "is not a table" in message
    assert "is not a list of tables; begin each with a line [[cells]]" in message
    assert "fate.survival (line 7): 1 is not a table" in message


def test_fate_tables_hold_plain_values_under_known_names() -> None:
    assert "fate.survivel (line 13): unknown key; did you mean 'survival'?" in refusal(
        case_with() + "\n[fate.survivel]"
    )
    assert "fate.exit.x (line 14): nan is neither a finite" in refusal(case_with() + "\n[fate.exit]\nx = nan")
    assert "fate.exit.x[0]" in refusal(case_with() + "\n[fate.exit]\nx = [2026-01-01]")


def test_a_missing_vessel_file_is_named_with_the_path_tried(tmp_path: Path) -> None:
    message = refusal(case_with(vessel='geometry = "lungs/wall.stl"\nunit = "um"'), tmp_path)
    assert f"'lungs/wall.stl': {tmp_path.resolve() / 'lungs' / 'wall.stl'} does not exist" in message
    (tmp_path / "lungs").mkdir()
    assert "is a folder, not a file" in refusal(case_with(vessel='geometry = "lungs"'), tmp_path)
    assert "vessel.geometry" in refusal(case_with(vessel=f'geometry = "{"x" * 3000}"'), tmp_path)
    assert "is not a path" in refusal(case_with(vessel='geometry = ""'), tmp_path)


def test_a_vessel_file_takes_no_parameters_of_formulas(tmp_path: Path) -> None:
    (tmp_path / "wall.stl").write_text("solid\n")
    body = 'geometry = "wall.stl"\nunit = "furlongs per"\ndiameter = "3 um"\nperiodic = ["x"]\n'
    message = refusal(
        case_with(vessel=body + 'crop = { min = ["1 um", "0 um", "0 um"], max = ["1 um", "1 um", "1 um"] }'), tmp_path
    )
    assert "vessel.diameter (line 4): belongs to a formula" in message
    assert "vessel.periodic (line 5): belongs to a formula" in message
    assert "vessel.unit (line 3): 'furlongs per' is not a unit of length" in message
    assert "vessel.crop (line 6): min" in message and "is not below max" in message


def test_still_fluid_is_allowed_where_something_moves_it(tmp_path: Path) -> None:
    moving = 'formula = "channel"\nlength = "9 um"\nwidth = "9 um"\nheight = "9 um"\n'
    moving += 'wall_velocity = { "y+" = ["1 mm/s", "0 m/s", "0 m/s"] }'
    assert read_case_text(case_with(vessel=moving, flow=None), "/").flow.pressure_drop is None
    start = 'initial_velocity = ["1 mm/s", "0 m/s", "0 m/s"]'
    assert read_case_text(case_with(flow=start), "/").flow.initial_velocity == (1e-3, 0.0, 0.0)
    (tmp_path / "bed.dgf").write_text("DGF\n")
    network = 'geometry = "bed.dgf"\nunit = "um"'
    assert read_case_text(case_with(vessel=network, flow=None), tmp_path).vessel.formula is None


def test_a_thousand_faults_do_not_flood_the_terminal() -> None:
    message = refusal(case_with() + "\n[output]\n" + "\n".join(f"key{i} = 1" for i in range(20_000)))
    assert "20000 faults" in message and message.endswith("and 19900 more")
    assert len(message.splitlines()) == 102
