"""Cells keep off each other: forces that sum to nothing, from the gradient of an energy, and a barrier that moves no momentum."""

from __future__ import annotations

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.spatial import cKDTree

from hemoflow.cells.surface import icosphere
from hemoflow.interaction.cells import CellContact, gaps, keep_apart, make_cell_contact, make_spots, repulsion
from hemoflow.interaction.neighbours import Spots, find_nearest
from hemoflow.interaction.repulsion import BARRIER

from .sample import BOX, PRESSURE, REACH, places, two_groups, vertex_areas

find = eqx.filter_jit(find_nearest)
forces = eqx.filter_jit(repulsion)


def position(spots: Spots) -> np.ndarray:
    return np.asarray(spots.base, float) + np.asarray(spots.part, float)


def folded_into_box(x: np.ndarray) -> np.ndarray:
    size = np.where(BOX[1], BOX[0], 0)
    return x - np.where(size > 0, np.floor(x / np.maximum(size, 1)) * size, 0)


@pytest.mark.parametrize("turns", [0, 3])
def test_every_vertex_finds_the_nearest_face_of_another_living_cell(turns: int) -> None:
    contact, spots = two_groups(jnp.float64, False, 0.2, turns, 0.05)
    near, need = find(contact.search, contact.surfaces, spots, contact.reach)
    assert int(need.fullest) <= contact.search.slots and float(need.widest) <= contact.search.edge
    # the same by brute force: every face as a cloud of points, in all images
    x, faces = position(spots), np.asarray(contact.surfaces.faces)
    owner, face_owner, alive = (
        np.asarray(a) for a in (contact.surfaces.owner, contact.surfaces.face_owner, spots.alive)
    )
    weights = np.array([(a, b, 12 - a - b) for a in range(13) for b in range(13 - a)]) / 12.0
    for cell in range(len(alive)):
        others = alive[face_owner] & (face_owner != cell)
        cloud = np.einsum("wk,fka->fwa", weights, x[faces[others]]).reshape(-1, 3)
        images = [folded_into_box(cloud) + np.multiply((i, 0, k), BOX[0]) for i in (-1, 0, 1) for k in (-1, 0, 1)]
        mine = owner == cell
        distance = cKDTree(np.concatenate(images)).query(folded_into_box(x[mine]))[0]
        gap = np.abs(np.asarray(near.gap)[mine])
        seen = np.isfinite(gap)
        if not alive[cell]:
            assert not seen.any()
            continue
        # points 1/12 of an edge apart are at most 0.1 beside the nearest one, and that at a gap of 0.2 makes 0.03
        assert np.all(distance[~seen] > REACH - 1e-9)
        assert np.all(distance[seen] >= gap[seen] - 1e-9) and np.max(distance[seen] - gap[seen]) < 0.05
        assert seen.any()


def test_forces_between_cells_sum_to_nothing_and_turn_nothing() -> None:
    contact, spots = two_groups(jnp.float64, False, rough=0.05)
    force, gap, _ = forces(contact, spots)
    f, x = np.asarray(force), position(spots)
    assert np.abs(f).max() > 0.1 and np.isfinite(np.asarray(gap)).sum() > 10
    assert np.abs(f.sum(axis=0)).max() < 1e-13
    # torques are those of positions in one image: take the pair that does not cross the periodic edge
    owner = np.asarray(contact.surfaces.owner)
    alone = eqx.tree_at(lambda s: s.alive, spots, jnp.asarray([True, True, False, False, False]))
    pair = np.asarray(forces(contact, alone)[0])
    assert np.abs(pair[owner == 0].sum(axis=0)).max() > 0.1
    assert np.abs(np.cross(x, pair).sum(axis=0)).max() < 1e-12


def test_repulsion_is_the_gradient_of_its_energy() -> None:
    with jax.enable_x64(True):
        contact, spots = two_groups(jnp.float64, False, rough=0.02)

        def energy(part: jax.Array) -> jax.Array:
            gap = gaps(contact, eqx.tree_at(lambda s: s.part, spots, part))[0]
            close = jnp.where(jnp.isfinite(gap), 1.0 - gap / REACH, 0.0)
            return jnp.sum(0.25 * PRESSURE * contact.area * REACH * close**2)

        expected = -np.asarray(jax.jit(jax.grad(energy))(spots.part))
        seen = np.asarray(forces(contact, spots)[0])
        assert np.abs(expected).max() > 0.1
        np.testing.assert_allclose(seen, expected, atol=1e-12)


@pytest.mark.parametrize("gap", [0.15, 0.45])
def test_two_membranes_feel_the_pressure_that_a_wall_would_bring(gap: float) -> None:
    # the sphere of 60 nodes is flat over the range; where the gap is smallest the pressure is P (1 - gap / range)
    with jax.enable_x64(True):
        surface = icosphere(60, 60.0)
        x, area = surface.vertices, vertex_areas(surface)
        top = x[:, 2] > 59.0
        mirrored = x * [1.0, 1.0, -1.0] + [0.4, 0.3, 120.0 + gap]
        offset = jnp.asarray(np.stack([x, mirrored[:, :]]))
        faces = surface.faces
        box = ((400, 400, 400), (False,) * 3)
        strength = (jnp.asarray(PRESSURE), jnp.asarray(REACH))
        # the mirror image looks inward: give it a mesh of its own
        groups = [(jnp.asarray(f), offset[k : k + 1], jnp.asarray(area)) for k, f in enumerate((faces, faces[:, ::-1]))]
        contact = make_cell_contact(strength, groups, box, False)
        assert contact is not None
        place = [(jnp.full((1, 3), 200, jnp.int32), offset[k : k + 1], jnp.ones(1, bool)) for k in range(2)]
        force = np.asarray(forces(contact, make_spots(place))[0])[: len(x), 2]
    # integrated over the cap: pressure falls to zero where the two spheres are the range apart
    # total = 2 pi R / 2 * P * (r - g)^2 / (2 r), since the gap grows by rho^2 / R
    expected = np.pi * 60.0 * PRESSURE * (REACH - gap) ** 2 / (2.0 * REACH)
    assert -force[top].sum() == pytest.approx(expected, rel=0.06)


def test_the_barrier_parts_cells_without_moving_their_middle() -> None:
    contact, spots = two_groups(jnp.float64, False, gap=-0.15)
    shift, short, _ = eqx.filter_jit(keep_apart)(contact, spots)
    moved = eqx.tree_at(lambda s: s.part, spots, spots.part + shift)
    before, after = (eqx.filter_jit(gaps)(contact, at)[0] for at in (spots, moved))
    assert float(jnp.min(before)) < -0.02 and float(jnp.min(after)) > 0.5 * BARRIER * REACH
    assert float(short) == pytest.approx(BARRIER * REACH - float(jnp.min(before)))
    assert np.abs(np.asarray(shift).sum(axis=0)).max() < 1e-12


def test_too_little_room_is_reported_and_enough_of_it_gives_the_same() -> None:
    contact, spots = two_groups(jnp.float64, False)
    expected, _, need = forces(contact, spots)
    small = dataclasses.replace(contact.search, slots=max(1, int(need.fullest) // 2))
    narrow = dataclasses.replace(contact.search, edge=0.6 * float(need.widest))
    for search in (small, narrow):
        # a face that is too wide misses bins, one bin too many faces: both are told
        tight = dataclasses.replace(contact, search=search)
        wanted = forces(tight, spots)[2]
        full, wide = int(wanted.fullest), float(wanted.widest)
        assert full > search.slots or wide > search.edge
        grown = search.grown(full, wide)
        assert grown.slots >= full and grown.edge >= wide
        larger = dataclasses.replace(contact, search=dataclasses.replace(grown, slots=200))
        np.testing.assert_allclose(np.asarray(forces(larger, spots)[0]), np.asarray(expected), atol=1e-15)


def test_one_cell_alone_has_no_contact_with_others() -> None:
    surface = icosphere(2, 3.0)
    _, offset = places(np.array([[5.0, 5.0, 5.0]]), surface, jnp.float64)
    group = (jnp.asarray(surface.faces), offset, jnp.asarray(vertex_areas(surface)))
    assert make_cell_contact((jnp.ones(()), jnp.ones(())), [group], BOX, False) is None
    assert isinstance(two_groups(jnp.float64, False)[0], CellContact)
