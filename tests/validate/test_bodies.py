"""The size that the fluid feels, and rigid spheres in arrays and tubes."""

from __future__ import annotations

import pytest

from hemoflow.bodies.calibration import excess_of_markers
from hemoflow.build.fluid import Relaxation
from hemoflow.validate.bodies import RUNNERS
from hemoflow.validate.hydrodynamic import Sample, excess_radius
from hemoflow.validate.record import Settings


@pytest.mark.parametrize(
    "sample",
    [
        Sample(4.0, 3, Relaxation(2.0), (0.0, 0.0, 0.0)),
        Sample(4.0, 3, Relaxation(0.7), (0.5, 0.5, 0.5)),
        Sample(4.0, 2, Relaxation(1.0), (0.5, 0.0, 0.3)),
        Sample(4.0, 4, Relaxation(1.0), (0.1, 0.4, 0.5)),
    ],
    ids=["3 points, on a node", "3 points, between nodes", "2 points", "4 points"],
)
def test_the_hydrodynamic_radius_is_that_of_the_table_wherever_the_sphere_lies_and_at_any_relaxation_time(
    sample: Sample,
) -> None:
    allowed = 0.04 if sample.kernel == 2 else 0.02
    assert excess_radius(sample, 1e-4) == pytest.approx(excess_of_markers(sample.radius, sample.kernel), abs=allowed)


def test_the_drag_in_a_dense_array_is_that_of_zick_and_homsy() -> None:
    found = RUNNERS["flow_sphere_arrays", "K"]({"lattice": "SC", "phi": "0.343", "nodes": "16"}, Settings(True))
    assert found.value == pytest.approx(15.4, rel=0.02) and found.node_updates > 0
