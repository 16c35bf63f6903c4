"""The narrowest place on the way is found to a small part of a node spacing."""

from __future__ import annotations

import pytest

from hemoflow.geometry.bottleneck import bottleneck_radius
from hemoflow.geometry.formula import make_vessel
from hemoflow.geometry.voxelise import voxelise

UM = 1e-6


@pytest.mark.parametrize("spacing", [0.8, 1.0, 1.1])
def test_the_neck_of_a_constriction_is_the_bottleneck(spacing: float) -> None:
    vessel = make_vessel(
        "constriction",
        length=40 * UM,
        diameter=14 * UM,
        neck_diameter=8 * UM,
        neck_length=4 * UM,
        taper_length=8 * UM,
    )
    lumen = voxelise(vessel, spacing * UM)
    assert bottleneck_radius(vessel, lumen, [0], [1]) == pytest.approx(4 * UM, rel=0.02)


def test_a_tube_is_as_wide_at_its_bottleneck_as_anywhere() -> None:
    vessel = make_vessel("tube", length=30 * UM, diameter=10 * UM)
    lumen = voxelise(vessel, 1 * UM)
    assert bottleneck_radius(vessel, lumen, [0], [1]) == pytest.approx(5 * UM, rel=0.02)
