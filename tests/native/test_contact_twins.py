"""The compiled search for neighbours, and what cells do to each other, are those of the pure-JAX twin in both precisions."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hemoflow import native
from hemoflow.interaction.cells import gaps, keep_apart, repulsion
from tests.interaction.sample import two_groups

pytestmark = pytest.mark.skipif(not native.in_use("contact"), reason="no compiled kernels here")
everything = eqx.filter_jit(lambda contact, at: (*repulsion(contact, at), *keep_apart(contact, at), *gaps(contact, at)))
PRECISIONS = [(jnp.float32, 2e-5), (jnp.float64, 1e-12)]


@pytest.mark.parametrize("real, tolerance", PRECISIONS)
def test_cells_that_touch_are_the_twins(real, tolerance) -> None:  # type: ignore[no-untyped-def]
    with jax.enable_x64(real == jnp.float64):
        search = two_groups(real, False, 0.3, 2, 0.08)[0].search
        for gap, turns, rough in ((0.2, 0, 0.0), (0.3, 2, 0.08), (-0.15, -1, 0.03)):
            contact, spots = two_groups(real, False, gap, turns, rough)
            slow = dataclasses.replace(contact, search=search)
            seen = [everything(one, spots) for one in (slow, dataclasses.replace(slow, native=True))]
            assert np.abs(seen[0][0]).max() > 0.05 and int(seen[0][2].fullest) > 0
            for one, other in zip(*map(jax.tree.leaves, seen), strict=True):
                assert one.dtype == other.dtype
                np.testing.assert_allclose(np.asarray(other), np.asarray(one), atol=tolerance, rtol=0)


def test_contact_does_not_depend_on_the_number_of_threads() -> None:
    before, seen = native.status().threads, []
    with jax.enable_x64(False):
        contact, spots = two_groups(jnp.float32, True, rough=0.05)
        try:
            for threads in (1, 2, 3):
                native.set_threads(threads)
                seen.append(np.asarray(repulsion(contact, spots)[0]))
        finally:
            native.set_threads(before)
    assert all(np.array_equal(seen[0], other) for other in seen[1:])


def test_too_little_room_is_reported_alike() -> None:
    with jax.enable_x64(True):
        contact, spots = two_groups(jnp.float64, True)
        tight = dataclasses.replace(contact.search, slots=2)
        needs = [everything(dataclasses.replace(contact, native=n, search=tight), spots)[2] for n in (True, False)]
    assert int(needs[0].fullest) == int(needs[1].fullest) > 2
