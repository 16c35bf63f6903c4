"""A vessel on the lattice: its volume, where links meet walls and openings, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.fluid.lattice import DIRECTIONS, OPPOSITE
from hemoflow.geometry.formula import make_vessel
from hemoflow.geometry.vessel import AbstractVessel, Opening
from hemoflow.geometry.voxelise import Lumen, voxelise
from hemoflow.validate.shapes import Duct, Room, circle, ellipse

UM = 1e-6


class ChamberWithHole(AbstractVessel):
    """A box from -6 to 6 with a round hole of radius 3 in the wall x = 6, flush with it."""

    def __init__(self) -> None:
        self.bounds = np.array([[-6.0] * 3, [6.0] * 3])
        self.description = {}
        self.openings = (Opening("hole", np.array([6.0, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]), 3.0, 9.0 * np.pi),)

    @property
    def volume(self) -> float:
        return 12.0**3

    def signed_distance(self, points: np.ndarray) -> np.ndarray:
        beyond = np.abs(points) - 6.0
        inside = beyond.max(axis=1) < 0.0
        off_axis = np.linalg.norm(points[:, 1:], axis=1)
        to_rim = np.hypot(points[:, 0] - 6.0, np.maximum(3.0 - off_axis, 0.0))
        others = -beyond[:, [1, 2]].max(axis=1)
        away = np.minimum(np.minimum(np.abs(others), points[:, 0] + 6.0), to_rim)
        return np.where(inside, -away, np.abs(away))

    def surface(self) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)


def crossings(lumen: Lumen) -> np.ndarray:
    """Where links meet the wall or an opening (L, 3)."""
    way = lumen.link_fraction[:, None] * DIRECTIONS[lumen.link_direction]
    return lumen.position(lumen.nodes[lumen.link_node]) + lumen.spacing * way


@pytest.mark.parametrize("radius", [4.3, 7.9, 12.1])
def test_links_end_on_the_wall_of_a_tube(radius: float) -> None:
    lumen = voxelise(Duct(circle(radius), 3.0), 1.0)
    away = np.linalg.norm(crossings(lumen)[:, 1:], axis=1)
    assert away == pytest.approx(np.full(len(away), radius), abs=1e-5)
    assert np.all((lumen.link_fraction > 0.0) & (lumen.link_fraction <= 1.0)) and np.all(lumen.link_opening == -1)


def test_links_end_on_the_wall_of_an_ellipse() -> None:
    lumen = voxelise(Duct(ellipse(9.4, 5.2), 2.0), 1.0)
    place = crossings(lumen)
    assert (place[:, 1] / 9.4) ** 2 + (place[:, 2] / 5.2) ** 2 == pytest.approx(np.ones(len(place)), abs=1e-5)


def test_flat_walls_at_whole_numbers_of_spacings_lie_half_way_along_every_link() -> None:
    lumen = voxelise(Room((6.0, 7.0, 8.0), "xyz"), 1.0)
    assert lumen.shape == (6, 7, 8) and len(lumen.nodes) == 6 * 7 * 8
    # A millionth of a link in distance; edges bend the distance, so the fraction there is a little less close.
    assert lumen.link_fraction == pytest.approx(np.full(len(lumen.link_fraction), 0.5), abs=1e-5)


@pytest.mark.parametrize("height", [7.2, 7.6, 8.0])
def test_flat_walls_are_found_wherever_they_are(height: float) -> None:
    lumen = voxelise(Room((4.0, height, 4.0), "y"), 1.0)
    y = crossings(lumen)[:, 1]
    assert np.minimum(np.abs(y), np.abs(y - height)) == pytest.approx(np.zeros(len(y)), abs=1e-9)


def test_volume_on_the_lattice_is_that_of_the_vessel() -> None:
    for name, sizes in (
        ("tube", {"length": 20.0, "diameter": 8.3}),
        ("constriction", {"length": 40.0, "diameter": 12.0, "neck_diameter": 7.0}),
        ("bifurcation", {"length": 20.0, "diameter": 10.0}),
        ("serpentine", {"diameter": 8.0, "amplitude": 6.0, "wavelength": 50.0, "turns": 1}),
    ):
        vessel = make_vessel(name, **{k: v if k == "turns" else v * UM for k, v in sizes.items()})
        lumen = voxelise(vessel, UM)
        assert lumen.volume == pytest.approx(vessel.volume, rel=0.02), name


def test_neighbours_point_at_each_other_and_every_other_direction_has_a_link() -> None:
    lumen = voxelise(make_vessel("tube", length=9 * UM, diameter=7.3 * UM), UM)
    own = np.arange(len(lumen.nodes))
    for i in range(19):
        there = lumen.neighbours[i]
        real = there >= 0
        assert np.array_equal(lumen.neighbours[OPPOSITE[i]][there[real]], own[real])
        links = lumen.link_node[lumen.link_direction == i]
        assert np.array_equal(np.sort(links), own[~real])


def test_periodic_lumens_have_neighbours_across_their_ends_and_no_links_there() -> None:
    lumen = voxelise(Duct(circle(4.3), 5.0), 1.0)
    plus = int(np.flatnonzero((DIRECTIONS == [1, 0, 0]).all(axis=1))[0])
    there = lumen.neighbours[plus]
    assert np.all(there >= 0)
    assert np.array_equal(lumen.nodes[there][:, 0], (lumen.nodes[:, 0] + 1) % 5)
    assert len(voxelise(Room((4.0, 4.0, 4.0)), 1.0).link_node) == 0


def test_each_opening_gets_the_links_through_its_plane_and_no_others() -> None:
    vessel = make_vessel("bifurcation", length=16 * UM, diameter=10 * UM)
    lumen = voxelise(vessel, UM)
    place = crossings(lumen)
    for k, opening in enumerate(vessel.openings):
        mine = lumen.link_opening == k
        offset = place[mine] - opening.centre
        assert np.abs(offset @ opening.normal) == pytest.approx(np.zeros(mine.sum()), abs=1e-9 * UM)
        assert np.max(np.linalg.norm(offset, axis=1)) < opening.radius + 0.1 * UM
        # A straight link carries one node's area, 6 w per link of all directions.
        weight = np.where(np.abs(DIRECTIONS[lumen.link_direction[mine]]).sum(axis=1) == 1, 1 / 3, 1 / 6)
        through = float(np.sum(weight * (DIRECTIONS[lumen.link_direction[mine]] @ opening.normal))) * UM**2
        assert through == pytest.approx(opening.area, rel=0.15)


def test_a_wall_in_the_plane_of_an_opening_stays_a_wall() -> None:
    lumen = voxelise(ChamberWithHole(), 1.0)
    place = crossings(lumen)
    assert np.max(np.linalg.norm(place[lumen.link_opening == 0][:, 1:], axis=1)) < 3.0
    facing = (lumen.link_direction == 1) & (lumen.nodes[lumen.link_node][:, 0] == 11)
    assert (lumen.link_opening[facing] == 0).sum() == pytest.approx(9 * np.pi, rel=0.15)


def test_the_lumen_does_not_depend_on_where_the_vessel_lies() -> None:
    class Moved(Duct):
        def __init__(self, shift: np.ndarray) -> None:
            super().__init__(circle(5.3), 4.0)
            self.shift = shift
            self.bounds = self.bounds + shift

        def signed_distance(self, points: np.ndarray) -> np.ndarray:
            return super().signed_distance(points - self.shift)

    here, there = (voxelise(Moved(np.array(shift)), 1.0) for shift in ([0.0, 0.0, 0.0], [12.3, -45.6, 7.89]))
    assert np.array_equal(here.nodes, there.nodes) and np.array_equal(here.link_node, there.link_node)
    assert here.link_fraction == pytest.approx(there.link_fraction, abs=1e-9)


def test_band_and_lumen_together_enclose_every_wall() -> None:
    lumen = voxelise(Duct(circle(5.3), 3.0), 1.0)
    ends = lumen.nodes[lumen.link_node] + DIRECTIONS[lumen.link_direction]
    assert {tuple(p) for p in ends.tolist()} == {tuple(p) for p in lumen.band.tolist()}


def test_what_cannot_be_put_on_a_lattice_is_refused_with_what_to_do() -> None:
    tube = make_vessel("tube", length=20 * UM, diameter=8 * UM)
    with pytest.raises(InputError, match=r"node_spacing.*check the vessel's unit.*smaller spacing"):
        voxelise(tube, 30 * UM)
    with pytest.raises(InputError, match=r"more than.*larger spacing"):
        voxelise(tube, 0.1 * UM, max_nodes=1e5)
    with pytest.raises(InputError, match=r"periodic length.*no whole number.*choose"):
        voxelise(make_vessel("tube", ("x",), length=5.5 * UM, diameter=8 * UM), UM)
