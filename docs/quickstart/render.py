"""Draws the quickstart's cell in the neck, from results.vtkhdf alone: python docs/quickstart/render.py RUN_FOLDER PICTURE.png [TIME_MS]

Needs the vtk package (extra `viz`). The rear half of the wall, and the cell coloured by the traction of the flow on it.
"""

from __future__ import annotations

import sys

import vtk


def blocks(folder: str, time: float) -> dict[str, vtk.vtkDataObject]:
    """The parts of results.vtkhdf at the written step nearest to a time (s), by name."""
    reader = vtk.vtkHDFReader()
    reader.SetFileName(f"{folder}/results.vtkhdf")
    reader.UpdateInformation()
    steps = reader.GetOutputInformation(0).Get(vtk.vtkStreamingDemandDrivenPipeline.TIME_STEPS())
    reader.UpdateTimeStep(min(steps, key=lambda t: abs(t - time)))
    data = reader.GetOutputDataObject(0)
    found, walk = {}, data.NewIterator()
    walk.InitTraversal()
    while not walk.IsDoneWithTraversal():
        found[walk.GetCurrentMetaData().Get(vtk.vtkCompositeDataSet.NAME())] = walk.GetCurrentDataObject()
        walk.GoToNextItem()
    return found


def surface(data: vtk.vtkDataObject, front_away: bool) -> vtk.vtkActor:
    """A surface as an actor; `front_away` cuts the part with y below zero away."""
    mapper = vtk.vtkPolyDataMapper()
    if front_away:
        plane = vtk.vtkPlane(normal=(0, 1, 0))
        clip = vtk.vtkClipPolyData(clip_function=plane)
        clip.SetInputData(data)
        normals = vtk.vtkPolyDataNormals(feature_angle=60)
        normals.SetInputConnection(clip.GetOutputPort())
        mapper.SetInputConnection(normals.GetOutputPort())
    else:
        mapper.SetInputData(data)
    return vtk.vtkActor(mapper=mapper)


def picture(folder: str, path: str, time: float) -> None:
    """Render and write one picture."""
    parts = blocks(folder, time)
    cells = [name for name in parts if name not in ("fluid", "wall")]
    scene = vtk.vtkRenderer(background=(1, 1, 1))
    wall = surface(parts["wall"], True)
    wall.mapper.scalar_visibility = False
    wall.property.color, wall.property.opacity = (0.80, 0.72, 0.66), 1.0
    scene.AddActor(wall)
    for name in cells:
        cell = surface(parts[name], False)
        cell.mapper.SetScalarModeToUsePointFieldData()
        cell.mapper.SelectColorArray("traction")
        cell.mapper.scalar_range = parts[name].GetPointData().GetArray("traction").GetRange()
        table = vtk.vtkLookupTable(hue_range=(0.66, 0.0), saturation_range=(0.6, 0.9))
        table.Build()
        cell.mapper.lookup_table = table
        cell.mapper.scalar_visibility = True
        scene.AddActor(cell)
        bar = vtk.vtkScalarBarActor(lookup_table=table, title="traction (Pa)", number_of_labels=4)
        bar.title_text_property.color = bar.label_text_property.color = (0.1, 0.1, 0.1)
        bar.SetOrientationToHorizontal()
        bar.SetWidth(0.4)
        bar.SetHeight(0.1)
        bar.SetPosition(0.3, 0.03)
        scene.AddViewProp(bar)
    window = vtk.vtkRenderWindow(size=(1500, 620), off_screen_rendering=True, multi_samples=8)
    window.AddRenderer(scene)
    camera = scene.GetActiveCamera()
    bounds = parts["wall"].GetBounds()
    middle = [(bounds[2 * k] + bounds[2 * k + 1]) / 2 for k in range(3)]
    camera.SetFocalPoint(middle)
    camera.SetPosition(middle[0], middle[1] - 6e-5, middle[2] + 2.2e-5)
    camera.SetViewUp(0, 0, 1)
    scene.ResetCamera()
    camera.Zoom(1.9)
    scene.ResetCameraClippingRange()
    window.Render()
    grab = vtk.vtkWindowToImageFilter(input=window)
    writer = vtk.vtkPNGWriter(file_name=path)
    writer.SetInputConnection(grab.GetOutputPort())
    writer.Write()


if __name__ == "__main__":
    picture(sys.argv[1], sys.argv[2], float(sys.argv[3]) * 1e-3 if len(sys.argv) > 3 else 3.6e-3)
