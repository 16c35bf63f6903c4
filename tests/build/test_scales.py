"""The time step respects every limit, and says which one binds."""

from __future__ import annotations

import dataclasses

import pytest

from hemoflow.build.scales import Physics, Request, choose_scales
from hemoflow.errors import InputError

CELL = Physics(
    viscosity=1.2e-3, density=1025.0, length=8.5e-6, speed=5e-3, peak_speed=1e-2, pressure=100.0,
    tension=2e-4, cortical=2e-4, bending=3e-18, radius=6.2e-6, contact=1e9,
)  # fmt: skip


def test_the_reynolds_number_reaches_its_cap_where_nothing_else_binds() -> None:
    scales = choose_scales(dataclasses.replace(CELL, speed=2e-2), Request(1e-6))
    assert scales.binds == "Reynolds number"
    assert scales.numbers["reynolds"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("change", "limit"),
    [
        ({"tension": 5e-2}, "membrane stiffness"),
        ({"bending": 1e-13}, "bending stiffness"),
        ({"pressure": 1e5}, "density change"),
        ({"contact": 1e12}, "wall repulsion"),
        ({"speed": 1e-6, "peak_speed": 1e-6, "cortical": 2e-2}, "Laplace number"),
    ],
)
def test_the_tightest_limit_sets_the_step(change: dict[str, float], limit: str) -> None:
    scales = choose_scales(dataclasses.replace(CELL, **change), Request(1e-6))
    assert scales.binds == limit
    assert scales.time_step == min(scales.limits.values())


def test_the_viscosity_is_the_true_one_at_any_scale() -> None:
    for scale in (0.5, 1.0, 4.0):
        s = choose_scales(CELL, Request(1e-6, density_scale=scale))
        viscosity = (s.relaxation_time - 0.5) / 3.0 * CELL.density * scale * 1e-12 / s.time_step
        assert viscosity == pytest.approx(CELL.viscosity)


def test_a_step_that_breaks_the_membrane_is_refused_with_a_safe_one() -> None:
    with pytest.raises(InputError, match=r"unstable.*choose one below"):
        choose_scales(dataclasses.replace(CELL, tension=2e-2), Request(1e-6, time_step=1e-6))


def test_a_step_that_leaves_the_range_of_relaxation_times_is_refused() -> None:
    with pytest.raises(InputError, match="relaxation time"):
        choose_scales(CELL, Request(1e-6, time_step=1e-12, density_scale=1.0))
