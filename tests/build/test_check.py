"""What `check` says and refuses before anything large is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hemoflow.build import check_case, format_check
from hemoflow.case import read_case_text
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


def test_too_much_memory_is_refused_before_the_lattice_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hemoflow.build.memory.memory_there", lambda: 2**20)
    monkeypatch.setattr("hemoflow.build.plan.voxelise", lambda *_: pytest.fail("the lattice was built"))
    with pytest.raises(InputError, match=r"node_spacing: at 1 um this lumen needs .* choose a spacing of \d"):
        checked()
