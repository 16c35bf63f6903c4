"""A small case that runs in seconds: a soft cell in a short constriction."""

from __future__ import annotations

from pathlib import Path

import pytest

CASE = """
[vessel]
formula = "constriction"
length = "30 um"
diameter = "12 um"
neck_diameter = "9 um"
neck_length = "2 um"
taper_length = "6 um"

[flow]
pressure_drop = "100 Pa"

[resolution]
node_spacing = "1 um"

[[cells]]
type = "ctc-colorectal"
vertices = 162

[run]
until = "0.4 ms"

[output]
every = "0.1 ms"
"""


@pytest.fixture
def small_case(tmp_path: Path) -> Path:
    path = tmp_path / "case.toml"
    path.write_text(CASE)
    return path
