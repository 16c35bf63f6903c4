"""The red cell of the catalogue: its template has the measured shape, and tweezers stretch it as they did."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow import resources
from hemoflow.errors import InputError
from hemoflow.validate.record import Settings
from hemoflow.validate.red_cell import RUNNERS, force_of, red_cell, stretch
from hemoflow.validate.run import validate

QUICK = Settings(quick=True)


def rows(family: str) -> list[dict]:
    path = next(p for p in resources.reference_tables() if p.stem == family)
    return validate(table=path, quick=True)


def test_the_template_measures_what_evans_and_fung_found() -> None:
    judged = [
        r for r in rows("rbc_constants") if ("rbc_constants", r["quantity"]) in RUNNERS and r["tol_type"] != "info"
    ]
    assert len(judged) >= 6 and all(r["passed"] for r in judged), judged


def test_tweezers_stretch_the_cell_as_published_but_for_its_width_at_the_smallest_force() -> None:
    failed = [(r["quantity"], r["params"]) for r in rows("rbc_stretching") if not r["passed"]]
    # the published curve of another code lies outside of this one error bar as well: docs/validation.md
    assert failed == [("D_T", "F=38.3 pN")], failed


def test_a_stronger_pull_makes_the_cell_longer_and_narrower_and_keeps_its_volume_and_area() -> None:
    from hemoflow.cells import surface

    faces = red_cell(8).template.faces
    shapes = [stretch(8, force, 0.1)[0] for force in (0.0, 70.0, 140.0)]
    long, wide = ([float(np.ptp(x[:, axis])) for x in shapes] for axis in (0, 1))
    assert long == sorted(long) and wide == sorted(wide, reverse=True)
    for measure, change in ((surface.volume, 0.003), (surface.area, 0.005)):
        assert measure(shapes[2], faces) == pytest.approx(measure(shapes[0], faces), rel=change)


def test_a_force_is_read_with_its_unit() -> None:
    assert [force_of({"F": text}) for text in ("38.3 pN", "0.1 nN", "7")] == [38.3, 100.0, 7.0]
    with pytest.raises(InputError, match="found 'much'"):
        force_of({"F": "much"})
