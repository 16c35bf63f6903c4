"""The pore between two reservoirs: a wall without thickness, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.fluid.lattice import DIRECTIONS, OPPOSITE
from hemoflow.geometry.voxelise import voxelise
from hemoflow.validate.pore import Pore, pressure_number, with_wall
from hemoflow.validate.record import Settings


def test_a_wall_without_thickness_is_passed_through_its_pore_only() -> None:
    lumen = with_wall(voxelise(Pore(2.3, 0.0), 1.0), 2.3)
    places = lumen.position(lumen.nodes)
    for i in range(1, 19):
        own = np.flatnonzero(lumen.neighbours[i] >= 0)
        there = lumen.neighbours[i, own]
        assert np.array_equal(lumen.neighbours[OPPOSITE[i], there], own), "cut from both sides"
        through = places[own, 0] * (places[own, 0] + DIRECTIONS[i, 0]) < 0.0
        middle = places[own[through]] + 0.5 * DIRECTIONS[i]
        assert np.all(np.hypot(middle[:, 1], middle[:, 2]) <= 2.3)
    # Every direction of every node leads to a neighbour or over a link.
    assert np.sum(lumen.neighbours < 0) == len(lumen.link_node)


def test_a_wall_that_is_too_thin_to_resolve_is_refused() -> None:
    with pytest.raises(InputError, match=r"length/R=0\.01"):
        pressure_number({"length/R": "0.01"}, Settings(quick=True))
