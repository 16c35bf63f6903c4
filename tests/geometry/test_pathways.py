"""Ways through a lumen, and the estimate of how easily blood flows along them."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.capsules import CapsuleVessel
from hemoflow.geometry.formula import make_vessel
from hemoflow.geometry.pathways import Pathways, find_pathways
from hemoflow.geometry.vessel import AbstractVessel
from hemoflow.geometry.voxelise import voxelise

UM = 1e-6


def ways(vessel: AbstractVessel, spacing: float = UM) -> Pathways:
    lumen = voxelise(vessel, spacing)
    names = [opening.name for opening in vessel.openings]
    inlets = [k for k, name in enumerate(names) if name.startswith("inlet")]
    return find_pathways(lumen, inlets, [k for k in range(len(names)) if k not in inlets])


@pytest.fixture(scope="module")
def tube() -> Pathways:
    return ways(make_vessel("tube", length=30 * UM, diameter=12 * UM))


def test_the_way_through_a_tube_is_its_length(tube: Pathways) -> None:
    # From the first to the last layer of nodes, which lie half a spacing inside.
    assert tube.length == pytest.approx(29 * UM, rel=1e-6)
    assert tube.from_inlet + tube.to_outlet == pytest.approx(np.full(len(tube.wall), 29 * UM), rel=1e-6)
    assert tube.from_inlet == pytest.approx(tube.positions[:, 0] - 0.5 * UM, abs=1e-3 * UM)


@pytest.mark.parametrize("axis", [(1, 0, 0), (1, 1, 1), (4, 2, 1), (5, 1, 0)], ids=str)
def test_the_way_along_a_straight_tube_is_right_whatever_its_direction(axis: tuple[int, int, int]) -> None:
    along = np.array(axis) / np.linalg.norm(axis)
    ends = np.array([np.zeros(3), 60 * UM * along])
    vessel = CapsuleVessel(ends, np.array([[0, 1]]), np.array([5 * UM]), {0: "inlet", 1: "outlet"})
    found = ways(vessel)
    near, far = (found.at(at * UM * along) for at in (10, 50))
    true = (found.positions[far] - found.positions[near]) @ along
    # The steps' worst direction is 1.8 % too long.
    assert 0.995 * true < found.from_inlet[far] - found.from_inlet[near] < 1.02 * true
    assert 0.995 * true < found.to_outlet[near] - found.to_outlet[far] < 1.02 * true


def test_no_step_leads_through_a_wall() -> None:
    # Two arms side by side with two spacings of wall between them, joined at the far end.
    nodes = np.array([[0, 0, 0], [30, 0, 0], [30, 10, 0], [0, 10, 0]]) * UM
    edges = np.array([[0, 1], [1, 2], [2, 3]])
    found = ways(CapsuleVessel(nodes, edges, np.full(3, 4 * UM), {0: "inlet", 3: "outlet"}))
    assert found.from_inlet[found.at(nodes[3])] > 45 * UM


def test_the_estimated_conductance_of_a_tube_is_poiseuilles(tube: Pathways) -> None:
    # Exact up to the nodes: 12 across, staircase in the harmonic means, 10 %.
    assert tube.conductance == pytest.approx(np.pi * (6 * UM) ** 4 / (8 * 30 * UM), rel=0.1)


def test_the_estimated_speed_in_a_tube_is_the_mean_speed(tube: Pathways) -> None:
    pressure, viscosity = 40.0, 1.2e-3
    speed = tube.speed_near(np.array([15 * UM, 0.0, 0.0]), 6 * UM, pressure, viscosity)
    mean = pressure * (6 * UM) ** 2 / (8 * viscosity * 30 * UM)
    # The mean over a sphere weighs the axis, where the estimate (3/4 d^2) is highest: up to half more.
    assert mean < speed < 2.0 * mean
    assert tube.speed_near(np.array([15 * UM, 0.0, 0.0]), 6 * UM, -pressure, viscosity) == pytest.approx(speed)


def test_the_largest_sphere_in_a_tube_has_its_radius(tube: Pathways) -> None:
    assert tube.local_radius(np.array([15 * UM, 3 * UM, 0.0]), 6 * UM) == pytest.approx(6 * UM, abs=0.8 * UM)


def test_pressure_falls_from_one_to_zero_along_the_way(tube: Pathways) -> None:
    assert tube.pressure is not None
    assert tube.pressure == pytest.approx(1.0 - tube.positions[:, 0] / (30 * UM), abs=0.02)


def test_a_throat_takes_most_of_the_pressure() -> None:
    vessel = make_vessel("constriction", length=40 * UM, diameter=14 * UM, neck_diameter=7 * UM, neck_length=8 * UM)
    found = ways(vessel)
    wide = ways(make_vessel("tube", length=40 * UM, diameter=14 * UM))
    assert found.conductance < 0.35 * wide.conductance
    assert found.local_radius(np.array([20 * UM, 0.0, 0.0]), 2 * UM) == pytest.approx(3.5 * UM, abs=0.8 * UM)


def test_a_bifurcation_carries_equal_flow_to_equal_daughters() -> None:
    found = ways(make_vessel("bifurcation", length=16 * UM, diameter=10 * UM))
    upper = found.positions[:, 1] > 5.5 * UM
    lower = found.positions[:, 1] < -5.5 * UM
    assert np.sum(found.mobility[upper]) == pytest.approx(np.sum(found.mobility[lower]), rel=1e-6)


def test_a_periodic_tube_runs_along_its_axis() -> None:
    found = ways(make_vessel("tube", ("x",), length=20 * UM, diameter=10 * UM))
    assert found.length == pytest.approx(20 * UM, rel=1e-9)
    assert found.conductance == pytest.approx(np.pi * (5 * UM) ** 4 / (8 * 20 * UM), rel=0.1)


def test_a_channel_that_repeats_sideways_still_runs_from_inlet_to_outlet() -> None:
    found = ways(make_vessel("channel", ("z",), length=20 * UM, width=10 * UM, height=4 * UM))
    assert found.from_inlet == pytest.approx(found.positions[:, 0] - 0.5 * UM, abs=1e-3 * UM)
    # Between plates the estimate is a quarter off: 3/4 d^2 has the mean of a 12th of the width squared times 3/4.
    assert found.conductance == pytest.approx(10 * UM * 4 * UM * (10 * UM) ** 2 / (12 * 20 * UM), rel=0.3)


def test_a_lumen_without_a_way_through_is_refused_by_name() -> None:
    # The throat lies between the nodes.
    vessel = make_vessel("constriction", length=30 * UM, diameter=8 * UM, neck_diameter=0.3 * UM, neck_length=6 * UM)
    lumen = voxelise(vessel, 2.0 * UM)
    with pytest.raises(InputError, match=r"no way leads from inlet to outlet.*inlet, outlet"):
        find_pathways(lumen, [0], [1])
