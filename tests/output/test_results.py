"""results.vtkhdf holds what the solver held, and only whole steps."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import h5py
import numpy as np
import pytest

from hemoflow.errors import InputError, RunError
from hemoflow.output.image import FluidGrid, thinning
from hemoflow.output.results import ResultsWriter

from . import sample


def contents(path) -> dict[str, np.ndarray]:
    """Every dataset of a file by name."""
    found = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if hasattr(item, "chunks") else None)
        found["steps"] = np.array(
            [g["Steps"].attrs["NSteps"] for n, g in file["VTKHDF"].items() if n not in ("Assembly", "Steps")]
        )
    return found


def same(first, second) -> bool:
    one, two = contents(first), contents(second)
    return one.keys() == two.keys() and all(np.array_equal(one[k], two[k], equal_nan=True) for k in one)


def test_fluid_values_are_those_of_the_nodes_and_nothing_is_outside(tmp_path):
    with sample.results(tmp_path) as writer:
        for k in range(3):
            writer.append(*sample.step(k))
    place = tuple((sample.nodes() - sample.nodes().min(axis=0)).T[::-1])
    with h5py.File(tmp_path / "results.vtkhdf", "r") as file:
        data = file["VTKHDF/fluid/CellData"]
        mask = data["lumen"][0].astype(bool)
        assert mask.sum() == len(sample.nodes()) and mask[place].all()
        for k in range(3):
            fluid = sample.step(k)[1]
            assert np.array_equal(data["velocity"][k][place], fluid["velocity"].astype(np.float32))
            assert np.array_equal(data["stress"][k][place], fluid["stress"][:, sample.TENSOR].astype(np.float32))
            assert np.isnan(data["pressure"][k][~mask]).all() and np.isfinite(data["pressure"][k][mask]).all()
        corner, spacing = file["VTKHDF/fluid"].attrs["Origin"], file["VTKHDF/fluid"].attrs["Spacing"]
    first = sample.ORIGIN + sample.SPACING * sample.nodes().min(axis=0)
    assert np.allclose(corner + spacing / 2, first, rtol=0, atol=1e-15), "a node is the centre of its voxel"


def test_a_thin_vessel_across_a_large_box_takes_little_disk(tmp_path):
    line = np.arange(400)
    diagonal = np.stack([line, line, line], axis=1)
    writer = ResultsWriter(tmp_path, FluidGrid(diagonal, np.zeros(3), 1e-6, {"velocity": 3}))
    writer.append(0.0, {"velocity": np.ones((400, 3))}, {})
    size = (tmp_path / "results.vtkhdf").stat().st_size
    assert size < 400**3 * 12 / 1000, "the box alone would be a thousand times larger"


def test_a_stride_keeps_every_second_node_where_it_is(tmp_path):
    writer = sample.results(tmp_path, stride=2)
    writer.append(*sample.step(0))
    offset = sample.nodes() - sample.nodes().min(axis=0)
    kept = (offset % 2 == 0).all(axis=1)
    with h5py.File(tmp_path / "results.vtkhdf", "r") as file:
        group = file["VTKHDF/fluid"]
        seen = group["CellData/pressure"][0][tuple((offset[kept] // 2).T[::-1])]
        assert np.allclose(group.attrs["Spacing"], 2 * sample.SPACING)
    assert np.array_equal(seen, sample.step(0)[1]["pressure"][kept].astype(np.float32))


def test_thinning_keeps_the_box_below_the_limit():
    corners = np.array([[0, 0, 0], [999, 999, 999]])
    stride = thinning(corners, most=10**6)
    assert stride == 10 and (999 // stride + 1) ** 3 <= 10**6


def test_steps_written_again_after_a_rewind_are_the_same(tmp_path):
    for name, cut in (("straight", None), ("rewound", lambda w: w.truncate(2)), ("by time", lambda w: w.rewind(1e-4))):
        folder = tmp_path / name
        folder.mkdir()
        writer = sample.results(folder)
        for k in range(4):
            writer.append(*sample.step(k))
        if cut:
            cut(writer)
            assert writer.count == 2
            writer = sample.results(folder)  # as a resumed run does
            for k in range(2, 4):
                writer.append(*sample.step(k))
        writer.close()
        assert writer.times == pytest.approx(np.arange(4) * 1e-4)
        assert same(folder / "results.vtkhdf", tmp_path / "straight" / "results.vtkhdf")
        assert (folder / "results.xdmf").read_text() == (tmp_path / "straight" / "results.xdmf").read_text()


def test_the_index_lists_each_step_once_with_its_time(tmp_path):
    writer = sample.results(tmp_path)
    for k in range(3):
        writer.append(*sample.step(k))
    writer.truncate(1)
    writer.append(*sample.step(1))
    tree = ET.parse(tmp_path / "results.xdmf")
    assert [float(t.get("Value")) for t in tree.iter("Time")] == pytest.approx([0.0, 1e-4])
    assert [g.get("Name") for g in tree.iter("Grid")][2:6] == ["fluid", "ctc_breast", "wbc", "wall"]


def test_a_cell_that_is_gone_stays_as_a_point_where_it_was_seen_last(tmp_path):
    writer = sample.results(tmp_path)
    writer.append(*sample.step(0))
    time, fluid, cells, on_wall = sample.step(1)
    lost = sample.frame(np.random.default_rng(3), 2, alive=np.array([True, False]))
    lost.points[1] = np.nan
    writer.append(time, fluid, cells | {"ctc breast": lost}, on_wall)
    with h5py.File(tmp_path / "results.vtkhdf", "r") as file:
        points = file["VTKHDF/ctc_breast/Points"][:].reshape(2, 2, 4, 3)
        tension = file["VTKHDF/ctc_breast/CellData/tension"][:].reshape(2, 2, 4)
    assert np.ptp(points[1, 1], axis=0).max() == 0
    assert np.allclose(points[1, 1], points[0, 1].mean(axis=0), rtol=1e-6)
    assert np.isnan(tension[1, 1]).all() and np.isfinite(tension[1, 0]).all()


def test_wrong_steps_are_refused_and_leave_the_file_as_it_was(tmp_path):
    writer = sample.results(tmp_path)
    writer.append(*sample.step(1))
    before = (tmp_path / "results.vtkhdf").read_bytes()
    time, fluid, cells, on_wall = sample.step(2)
    with pytest.raises(RunError, match="rewind first"):
        writer.append(1e-4, fluid, cells, on_wall)
    with pytest.raises(RunError, match="shape"):
        writer.append(time, fluid | {"pressure": np.zeros(3)}, cells, on_wall)
    with pytest.raises(RunError, match="wall"):
        writer.append(time, fluid, cells)
    with pytest.raises(RunError, match="pressure"):
        writer.append(time, {"velocity": fluid["velocity"]}, cells, on_wall)
    with pytest.raises(RunError, match="wbc"):
        writer.append(time, fluid, {"ctc breast": cells["ctc breast"]}, on_wall)
    assert (tmp_path / "results.vtkhdf").read_bytes() == before and writer.count == 1


def test_a_file_made_for_another_grid_or_other_cells_is_not_continued(tmp_path):
    sample.results(tmp_path)
    with pytest.raises(InputError, match="another grid"):
        sample.results(tmp_path, stride=2)
    grid = FluidGrid(sample.nodes(), sample.ORIGIN, sample.SPACING, sample.FIELDS)
    with pytest.raises(InputError, match="wbc"):
        ResultsWriter(tmp_path, grid, sample.cells()[:1], sample.wall())
    (tmp_path / "results.vtkhdf").write_bytes(b"nothing")
    with pytest.raises(InputError, match="damaged"):
        sample.results(tmp_path)
