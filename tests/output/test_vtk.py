"""VTK and ParaView show, step by step, exactly the numbers that were written."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from . import sample

pytestmark = pytest.mark.filterwarnings("ignore")


def _blocks(data) -> dict:
    """Leaves of a multiblock by name; XDMF readers number repeated names in brackets."""
    import vtk

    found = {}
    for k in range(data.GetNumberOfBlocks()):
        name = data.GetMetaData(k).Get(vtk.vtkCompositeDataSet.NAME()) if data.HasMetaData(k) else str(k)
        found[name.split("[")[0]] = data.GetBlock(k)
    return found


def _array(data, name: str) -> np.ndarray:
    from vtk.util.numpy_support import vtk_to_numpy

    if data.GetArray(name) is None:
        return np.concatenate([vtk_to_numpy(data.GetArray(name + half)) for half in ("_normal", "_shear")], axis=1)
    return vtk_to_numpy(data.GetArray(name))


def _check(blocks: dict, number: int) -> None:
    """Compare one step as a reader shows it with what was written."""
    _, fluid, cells, on_wall = sample.step(number)
    image = blocks["fluid"]
    size = np.array(image.GetDimensions()) - 1
    place = sample.nodes() - sample.nodes().min(axis=0)
    voxel = place[:, 0] + size[0] * (place[:, 1] + size[1] * place[:, 2])
    for name, values in fluid.items():
        wanted = (values[:, sample.TENSOR] if name == "stress" else values).astype(np.float32)
        assert np.array_equal(_array(image.GetCellData(), name)[voxel], wanted), name
    lumen = _array(image.GetCellData(), "lumen")
    assert lumen.sum() == len(voxel) and lumen[voxel].all()
    centre = np.array(image.GetCell(int(voxel[0])).GetBounds()).reshape(3, 2).mean(axis=1)
    assert np.allclose(centre, sample.ORIGIN + sample.SPACING * sample.nodes()[0], rtol=0, atol=1e-12)
    for block, cell, ids in (("ctc_breast", cells["ctc breast"], [7, 9]), ("wbc", cells["wbc"], [11])):
        surface = blocks[block]
        points = np.array([surface.GetPoint(k) for k in range(surface.GetNumberOfPoints())])
        assert np.array_equal(points, cell.points.reshape(-1, 3).astype(np.float32))
        for name, values in cell.point.items():
            assert np.array_equal(_array(surface.GetPointData(), name), values.ravel().astype(np.float32)), name
        for name, values in cell.cell.items():
            assert np.array_equal(_array(surface.GetCellData(), name), values.ravel().astype(np.float32)), name
        assert np.array_equal(_array(surface.GetCellData(), "cell_id"), np.repeat(ids, 4))
        corners = [surface.GetCell(4 * len(ids) - 1).GetPointId(k) for k in range(3)]
        assert corners == list(sample.FACES[-1] + 4 * (len(ids) - 1))
    assert blocks["wall"].GetNumberOfCells() == 6 and blocks["wall"].GetNumberOfPoints() == 10
    for name, values in on_wall.items():
        assert np.array_equal(_array(blocks["wall"].GetPointData(), name), values.astype(np.float32)), name


def _read_all(reader, file: Path) -> list[int]:
    """The steps that hold what was written, read in another order than they were written in."""
    import vtk

    reader.SetFileName(str(file))
    reader.UpdateInformation()
    times = reader.GetOutputInformation(0).Get(vtk.vtkStreamingDemandDrivenPipeline.TIME_STEPS())
    assert times == pytest.approx([0.0, 1e-4, 2e-4, 3e-4])
    found = []
    for number in (2, 0, 3, 1):
        reader.UpdateTimeStep(times[number])
        _check(_blocks(reader.GetOutputDataObject(0)), number)
        found.append(number)
    return found


def _write(folder: Path) -> None:
    with sample.results(folder) as writer:
        for number in (0, 1, 2, 3):
            writer.append(*sample.step(number))
        writer.truncate(2)
        for number in (2, 3):
            writer.append(*sample.step(number))


@pytest.mark.vtk
def test_vtk_reads_back_every_step_of_the_results(tmp_path):
    import vtk

    _write(tmp_path)
    assert _read_all(vtk.vtkHDFReader(), tmp_path / "results.vtkhdf") == [2, 0, 3, 1]


@pytest.mark.vtk
def test_vtk_reads_the_same_numbers_through_the_xdmf_index(tmp_path):
    import vtk

    if not hasattr(vtk, "vtkXdmfReader"):
        pytest.skip("this vtk package has no XDMF reader")
    _write(tmp_path)
    assert _read_all(vtk.vtkXdmfReader(), tmp_path / "results.xdmf") == [2, 0, 3, 1]


IN_PARAVIEW = """
import sys
from paraview import servermanager
from paraview.simple import XDMFReader
reader = XDMFReader(FileNames=[sys.argv[1]])
reader.UpdatePipelineInformation()
for time in list(reader.TimestepValues):
    reader.UpdatePipeline(time)
    data = servermanager.Fetch(reader)
    for k in range(data.GetNumberOfBlocks()):
        block = data.GetBlock(k)
        for part in (block.GetCellData(), block.GetPointData()):
            for name in ("pressure", "tension", "traction", "wall_shear_stress_magnitude"):
                array = part.GetArray(name)
                if array is not None:
                    values = [array.GetValue(n) for n in range(array.GetNumberOfValues())]
                    print(k, name, repr(sum(v for v in values if v == v)))
"""


@pytest.mark.paraview
def test_paraview_opens_the_xdmf_index_and_shows_the_same_numbers(tmp_path):
    _write(tmp_path)
    script = tmp_path / "read.py"
    script.write_text(IN_PARAVIEW)
    screen = ["xvfb-run", "-a"] if shutil.which("xvfb-run") else []
    command = [*screen, "pvpython", str(script), str(tmp_path / "results.xdmf")]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=clean)
    seen = [line.split() for line in done.stdout.splitlines() if len(line.split()) == 3]
    wanted = []
    for number in range(4):
        _, fluid, cells, on_wall = sample.step(number)
        wanted.append(("0", "pressure", fluid["pressure"]))
        for k, name in enumerate(("ctc breast", "wbc"), 1):
            wanted.append((str(k), "tension", cells[name].cell["tension"]))
            wanted.append((str(k), "traction", cells[name].point["traction"]))
        wanted.append(("3", "wall_shear_stress_magnitude", on_wall["wall_shear_stress_magnitude"]))
    assert [tuple(row[:2]) for row in seen] == [row[:2] for row in wanted], done.stderr
    for row, (_, name, values) in zip(seen, wanted, strict=True):
        total = float(np.sum(values.astype(np.float32), dtype=float))
        assert float(row[2]) == pytest.approx(total, rel=1e-12, abs=1e-12), name  # only the order of the sum differs
