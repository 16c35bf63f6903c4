"""Walls that slide within their planes."""

from __future__ import annotations

from pathlib import Path

import jax
import numpy as np
import pytest

from hemoflow.build import make_plan, make_setup
from hemoflow.case import read_case_text

CASE = """
[vessel]
formula = "box"
length = "10 um"
width = "8 um"
height = "9 um"
wall_velocity = { "y+" = ["2 mm/s", "0 mm/s", "1 mm/s"] }
[resolution]
node_spacing = "1 um"
precision = "float64"
[run]
until = "1 ms"
"""


def test_a_sliding_lid_neither_fills_nor_empties_a_closed_box() -> None:
    with jax.enable_x64(True):
        links = make_setup(make_plan(read_case_text(CASE, Path()))).model.fluid.links
        assert float(np.abs(np.asarray(links.base)).max()) > 1e-6
        assert float(links.wall_gain) == pytest.approx(0.0, abs=1e-15)
