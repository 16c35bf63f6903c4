"""A run on several devices gives the numbers of a run on one. Devices are four of one processor, in a process of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow.build.fluid import Condition, Relaxation, assemble_fluid
from hemoflow.errors import InputError
from hemoflow.geometry.formula import make_vessel
from hemoflow.geometry.vessel import AbstractVessel
from hemoflow.geometry.voxelise import voxelise
from hemoflow.model import Contact, Model
from hemoflow.parallel.partition import slabs
from hemoflow.parallel.split import split_model
from hemoflow.run import run_case
from hemoflow.validate.shapes import Room

CASE = """
[vessel]
formula = "tube"
length = "20 um"
diameter = "6 um"
[flow]
pressure_drop = "20 Pa"
[resolution]
node_spacing = "1 um"
[run]
until = "20 us"
[output]
every = "10 us"
"""
FOUR = {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("devices")
    command = [sys.executable, str(Path(__file__).with_name("measure.py")), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **FOUR}, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# Sums over the lumen are formed in another order, that is all: everything agrees to round-off, which 200 steps do not amplify.
@pytest.mark.parametrize("devices", ["four", "four, then one"])
def test_cells_that_touch_over_a_cut_move_as_on_one_device(measured, devices) -> None:  # type: ignore[no-untyped-def]
    assert measured["cell"]["spread"] > 1
    # The mass above rest is a sum in which both ends of the vessel cancel; the populations that it sums are compared one by one.
    found = {name: apart for name, apart in measured["cell"][devices].items() if name != "[1].mass"}
    assert max(found.values()) < 1e-12


@pytest.mark.parametrize("name", ["bifurcation", "moving wall", "closed box"])
def test_walls_openings_forces_and_a_periodic_axis_are_the_same_on_four_devices(measured, name) -> None:  # type: ignore[no-untyped-def]
    found = measured["fluids"][name]["apart"]
    assert max(found["[0].fluid.populations"], found["[1].speed_max"]) < 1e-12
    # In a box without openings what walls gain and the mass are round-off themselves.
    assert name != "bifurcation" or max(found.values()) < 1e-12


def test_the_tiers_agree_on_four_devices(measured) -> None:  # type: ignore[no-untyped-def]
    assert max(measured["pure JAX"]["apart"].values()) < 1e-12


def test_two_devices_agree_as_four_do(measured) -> None:  # type: ignore[no-untyped-def]
    assert max(measured["two"]["apart"].values()) < 1e-12


def test_single_precision_agrees_to_single_precision(measured) -> None:  # type: ignore[no-untyped-def]
    assert max(measured["float32"]["apart"].values()) < 2e-5


def test_a_closed_box_on_four_devices_keeps_its_mass(measured) -> None:  # type: ignore[no-untyped-def]
    box = measured["fluids"]["closed box"]
    assert abs(box["mass"]) / sum(box["nodes"]) < 1e-15


def model_of(vessel: AbstractVessel, spacing: float) -> Model:
    lumen = voxelise(vessel, spacing)
    conditions = {k: Condition("pressure") for k in range(len(vessel.openings))}
    fluid, layout = assemble_fluid(lumen, conditions, Relaxation(1.0))
    return Model(fluid, layout, (), Contact(jnp.ones(()), jnp.ones(())), 3)


def test_five_populations_cross_per_node_of_a_flat_face() -> None:
    _, split = split_model(model_of(Room((16.0, 5.0, 6.0), ""), 1.0), 4)
    assert split.partition.counts.tolist() == [120] * 4
    assert split.cross.tolist() == [2 * 5 * 30] * 4


def test_slabs_hold_equal_numbers_of_nodes_and_no_opening_is_cut() -> None:
    um = 1e-6
    tube = make_vessel("bifurcation", length=20 * um, diameter=9 * um, daughter_length=16 * um)
    model = model_of(tube, um)
    links, nodes = model.fluid.links, np.asarray(model.layout.nodes)
    for devices in (2, 3, 5):
        partition = slabs(nodes, links, devices)
        ends = np.asarray(links.opening)[links.count - links.pressure_count :]
        assert np.ptp(partition.counts) <= 0.1 * len(nodes) / devices
        for opening in range(links.openings):
            mine = ends == opening
            assert len(np.unique(partition.owner[np.r_[links.node[mine], links.upstream[mine]]])) == 1


def test_more_devices_than_there_are_is_one_clear_error(tmp_path: Path) -> None:
    case = tmp_path / "case.toml"
    case.write_text(CASE)
    with pytest.raises(InputError, match=r"--devices 400: JAX finds \d+ here .*XLA_FLAGS"):
        run_case(case, tmp_path / "out", device=("cpu", 400), progress=False)
    assert not (tmp_path / "out").exists()


def test_more_devices_than_slabs_is_one_clear_error() -> None:
    with pytest.raises(InputError, match="--devices 400"):
        slabs(np.stack([np.arange(50)] * 3, axis=1), model_of(Room((5.0, 5.0, 2.0), ""), 1.0).fluid.links, 400)
