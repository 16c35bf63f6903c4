"""What `hemoflow bench` promises: names, fields, and clear refusals."""

from __future__ import annotations

import pytest

from hemoflow.bench import NAMES, bench, format_results
from hemoflow.errors import InputError

FIELDS = {
    "name", "device", "precision", "nodes", "steps", "seconds", "mlups", "bytes_per_update", "copy_bandwidth_gb_s", "roofline_fraction",
    "vertices", "vertex_updates_per_s", "hematocrit", "peak_memory_bytes", "compile_seconds", "version", "jaxlib",
}  # fmt: skip


def test_every_name_of_the_interface_exists() -> None:
    assert {"fluid-box", "fluid-vessel", "cells-0", "cells-10", "cells-20", "cells-40", "transit", "ensemble"} <= set(
        NAMES
    )


@pytest.mark.parametrize("precision, size", [("float32", 4), ("float64", 8)])
def test_a_box_reports_every_field_with_its_bytes(precision: str, size: int) -> None:
    (record,) = bench(["fluid-box"], 12, 4, precision)
    assert set(record) >= FIELDS
    assert (record["nodes"], record["steps"], record["bytes_per_update"]) == (12**3, 4, 2 * 19 * size)
    assert record["mlups"] == pytest.approx(12**3 * 4 / record["seconds"] / 1e6)
    assert "fluid-box" in format_results([record])


def test_red_cells_are_set_at_the_hematocrit_that_is_reported() -> None:
    (record,) = bench(["cells-10"], 36, 2)
    assert record["hematocrit"] == pytest.approx(0.1, abs=0.02) and record["vertices"] % 642 == 0


@pytest.mark.parametrize(
    "names, size, precision, said",
    [
        (["fluid"], None, "float32", "no benchmark 'fluid'"),
        (["fluid-box"], 0, "float32", "--size 0"),
        ([], 3, "half", "precision 'half'"),
    ],
)
def test_what_cannot_be_measured_is_refused(names: list[str], size: int | None, precision: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        bench(names, size, None, precision)
