"""What `check` says and refuses before anything large is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hemoflow.build import check_case, format_check
from hemoflow.case import Case, read_case_text
from hemoflow.errors import InputError

CASE = """
[vessel]
formula = "tube"
length = "{length}"
diameter = "12 um"
periodic = ["x"]

[flow]
mean_velocity = "1 mm/s"

[resolution]
node_spacing = "1 um"

[[cells]]
{cell}
position = ["10 um", "0 um", "0 um"]

[run]
until = "1 ms"
"""


ELASTIC = 'type = "capsule"\ndiameter = "8 um"\nshear_modulus = "5 uN/m"'
TENSE = 'type = "ctc-breast"\ndiameter = "8 um"\nshear_modulus = "0 N/m"\ncortical_tension = "0.2 mN/m"'


def checked(length: str = "20 um", cell: str = ELASTIC) -> dict[str, Any]:
    return check_case(read_case_text(CASE.format(length=length, cell=cell), Path()))


def test_a_periodic_length_that_is_rounded_is_a_note() -> None:
    assert not [note for note in checked()["vessel"]["notes"] if "periodic length" in note]
    (note,) = [note for note in checked("20.3 um")["vessel"]["notes"] if "periodic length" in note]
    assert "along x is 20 um instead of 20.3 um" in note and "-1.48%" in note


def test_capillary_numbers_are_those_of_the_shear_modulus_and_of_the_cortical_tension() -> None:
    elastic, tense = checked(), checked(cell=TENSE)
    shear, speed = elastic["wall_shear_rate_1_s"], elastic["speed_estimate_m_s"]
    assert shear == pytest.approx(8 * speed / 12e-6, rel=0.2)  # the widest ball around a node, not the tube
    assert elastic["capillary"] == pytest.approx(1.2e-3 * shear * 4e-6 / 5e-6)
    assert elastic["capillary_tension"] == 0.0 and "shear modulus" in format_check(elastic)
    assert tense["capillary_tension"] == pytest.approx(1.2e-3 * speed / 2e-4)
    assert tense["capillary"] == 0.0 and "cortical tension" in format_check(tense)


THINNING = """
[vessel]
formula = "tube"
length = "40 um"
diameter = "{diameter}"
periodic = ["x"]

[flow]
mean_velocity = "2 mm/s"
rheology = {{ {rheology} }}

[resolution]
node_spacing = "10 um"
{resolution}

[run]
until = "1 ms"
"""


def thinning(diameter: str = "200 um", rheology: str = "", resolution: str = "") -> Case:
    return read_case_text(THINNING.format(diameter=diameter, rheology=rheology, resolution=resolution), Path())


def test_blood_that_thins_has_relaxation_times_around_one_and_its_own_viscosity_at_the_wall() -> None:
    report = check_case(thinning())
    times = report["relaxation_times"]
    assert (times[0] - 0.5) * (times[1] - 0.5) == pytest.approx(0.25)
    assert (times[1] - 0.5) / (times[0] - 0.5) == pytest.approx(56 / 3.45)
    low, high = check_case(thinning("100 um")), check_case(thinning("400 um"))
    assert 3.45e-3 < low["viscosity_pa_s"] < report["viscosity_pa_s"] < high["viscosity_pa_s"] < 56e-3
    assert report["reynolds_physical"] == pytest.approx(
        1025 * report["speed_estimate_m_s"] * 200e-6 / report["viscosity_pa_s"], rel=0.1
    )
    text = format_check(report)
    assert "56 mPa s at rest (relaxation time 2.514), 3.45 mPa s at high shear rates (0.6241)" in text


def test_equal_viscosities_are_a_newtonian_fluid() -> None:
    same = 'zero_shear_viscosity = "2 mPa s", infinite_shear_viscosity = "2 mPa s"'
    one, other = thinning(rheology=same), thinning()
    newtonian = other.model_copy(update={"flow": other.flow.model_copy(update={"rheology": None, "viscosity": 2e-3})})
    report, expected = check_case(one), check_case(newtonian)
    for name in ("time_step_s", "relaxation_time", "reynolds", "speed_estimate_m_s", "pressure_difference_pa"):
        assert report[name] == pytest.approx(expected[name], rel=1e-12), name


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"rheology": 'infinite_shear_viscosity = "10 uPa s"'}, "at rest is 5.6e[+]03 times .* a factor of 900"),
        (
            {"resolution": "relaxation_time = 2"},
            r"comes out as 0.87.* \(thinnest\) to 6.5.* \(at rest\), outside of 0.505",
        ),
    ],
)
def test_relaxation_times_that_the_lattice_cannot_hold_are_refused(given: dict[str, str], words: str) -> None:
    with pytest.raises(InputError, match=words):
        check_case(thinning(**given))


def test_a_thick_fluid_at_rest_lowers_the_default_relaxation_time() -> None:
    times = check_case(thinning(rheology='zero_shear_viscosity = "1 Pa s"'))["relaxation_times"]
    assert times[1] == pytest.approx(5.0) and times[0] > 0.505


def test_too_much_memory_is_refused_before_the_lattice_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemoflow.build.memory.memory_there", lambda: 2**20)
    monkeypatch.setattr("hemoflow.build.plan.voxelise", lambda *_: pytest.fail("the lattice was built"))
    with pytest.raises(InputError, match=r"node_spacing: at 1 um this lumen needs .* choose a spacing of \d"):
        checked()
