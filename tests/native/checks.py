"""What compiled kernels must agree in with their pure-JAX twins, whatever they are compiled for."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from hemoflow.coupling.points import find_stencil
from hemoflow.fluid.inplace import Slots, pull_source
from hemoflow.interaction.repulsion import gap_and_normal, keep_inside, press

from .sample import after, layouts, twins


def check_fluid(shape, fill, real, tolerance, steps, forced, viscosity) -> None:  # type: ignore[no-untyped-def]
    slow, fast, state = twins(shape, fill, real, viscosity)
    with jax.enable_x64(real == jnp.float64):
        expected, seen = after(slow, state, steps, forced), after(fast, state, steps, forced)
    for one, other in zip(jax.tree.leaves(expected), jax.tree.leaves(seen), strict=True):
        assert one.dtype == other.dtype == real
        size = max(1.0, float(jnp.max(jnp.abs(one)))) if one.size else 1.0
        np.testing.assert_allclose(np.asarray(other), np.asarray(one), atol=tolerance * size, rtol=0)


def check_table(shape: tuple[int, int, int], fill: float) -> None:
    slow, fast, _ = twins(shape, fill, jnp.float64)
    assert isinstance(fast.table, Slots)
    np.testing.assert_array_equal(np.asarray(pull_source(fast.table)), np.asarray(slow.table))


def check_points(real, tolerance, width, periodic, axis, points) -> None:  # type: ignore[no-untyped-def]
    rng = np.random.default_rng(points)
    slow, fast = layouts(real, periodic, axis)
    assert fast.row_axis == axis
    with jax.enable_x64(real == jnp.float64):
        anchor = jnp.asarray(rng.integers(-2, 22, (points, 3)), jnp.int32)
        offset = jnp.asarray(rng.uniform(-3, 3, (points, 3)), real)
        values = jnp.asarray(rng.normal(size=(points, 3)), real)
        field = jnp.asarray(rng.normal(size=(3, slow.count)), real)
        expected, seen = (find_stencil(at, anchor, offset[:, None], width) for at in (slow, fast))
        one, other = expected.interpolate(field), seen.interpolate(field)
        # square roots of differences near zero keep half of the digits
        np.testing.assert_allclose(np.asarray(other), np.asarray(one), atol=4 * tolerance**0.5, rtol=0)
        assert np.median(np.abs(np.asarray(other - one))) < tolerance
        one, other = expected.spread_onto(field, values), seen.spread_onto(field, values)
        np.testing.assert_allclose(np.asarray(other), np.asarray(one), atol=4 * tolerance**0.5, rtol=0)
        assert np.median(np.abs(np.asarray(other - one))) < 2 * tolerance
        gaps, found = gap_and_normal(slow, anchor, offset), gap_and_normal(fast, anchor, offset)
        np.testing.assert_allclose(np.asarray(found[0]), np.asarray(gaps[0]), atol=50 * tolerance, rtol=0)
        # where nothing is near, the distance is constant and has no direction
        near = np.asarray(gaps[0]) > float(slow.wall_distance[-1]) + 0.01
        np.testing.assert_allclose(np.asarray(found[1])[near], np.asarray(gaps[1])[near], atol=1e3 * tolerance, rtol=0)


def check_wall(real, tolerance, vertices) -> None:  # type: ignore[no-untyped-def]
    rng, seen = np.random.default_rng(vertices), []
    with jax.enable_x64(real == jnp.float64):
        anchor = jnp.asarray(rng.integers(1, 9, (3, 3)), jnp.int32)
        offset, membrane = (jnp.asarray(rng.uniform(-2, 2, (3, vertices, 3)), real) for _ in range(2))
        area, reach = jnp.asarray(rng.uniform(0.5, 1, vertices), real), jnp.asarray(0.8, real)
        for layout in layouts(real, (True, False, True)):
            cells = (anchor, offset, jnp.asarray([True, False, True]))
            load, total = press(layout, cells, membrane, area, (jnp.asarray(0.7, real), reach))
            spots = jnp.broadcast_to(anchor[:, None, :], offset.shape).reshape(-1, 3)
            kept, farthest = keep_inside(layout, spots, offset.reshape(-1, 3), reach)
            # where nothing is near, the distance is constant and has no direction
            near = np.asarray(gap_and_normal(layout, spots, kept)[0]) > float(layout.wall_distance[-1]) + 0.01
            seen.append([np.asarray(a) for a in (load.reshape(-1, 3)[near], kept[near], total, farthest)])
    for one, other in zip(*seen, strict=True):
        np.testing.assert_allclose(other, one, atol=1e3 * tolerance, rtol=0)
