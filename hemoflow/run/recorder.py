"""The growing files of a run: results, tracks, events, log, all rewound together when a run goes on from a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.build import Setup
from hemoflow.output.folder import RunFolder
from hemoflow.output.image import MOST_VOXELS, FluidGrid
from hemoflow.output.lines import EventsWriter, LogWriter
from hemoflow.output.results import ResultsWriter
from hemoflow.output.tracks import TracksWriter
from hemoflow.run.measure import TRACTION_BINS, Sample, cell_frames, cell_surfaces, fluid_frame
from hemoflow.run.observe import FluidFields, MembraneFields
from hemoflow.run.wall_shear import NAME, WallShear

COMPONENTS = {"velocity": 3, "pressure": 1, "density": 1, "stress": 6}


class Recorder:
    """Writes what a run observes into its folder."""

    def __init__(self, folder: RunFolder, setup: Setup) -> None:
        self.setup = setup
        plan = setup.plan
        lumen, names = plan.lumen, plan.case.output.fields
        voxels = float(np.prod(np.asarray(lumen.shape, float)))
        stride = max(1, int(np.ceil((voxels / MOST_VOXELS) ** (1 / 3))))
        grid = FluidGrid(
            lumen.nodes, lumen.origin, lumen.spacing, {n: COMPONENTS[n] for n in names if n != NAME}, stride
        )
        self.shear = WallShear(plan) if NAME in names else None
        vertices, faces = plan.vessel.surface() if self.shear is None else self.shear.surface
        wall = (vertices, faces) if len(faces) else None
        self.results = ResultsWriter(
            folder.path, grid, cell_surfaces(setup), wall, self.shear.fields if self.shear else None
        )
        self.tracks = TracksWriter(
            folder.path,
            [seed.ident for seed in plan.seeds],
            [seed.name for seed in plan.seeds],
            TRACTION_BINS,
            [opening.name for opening in lumen.openings],
        )
        self.events = EventsWriter(folder.path)
        self.log = LogWriter(folder.path)

    def counts(self) -> dict[str, int]:
        """Records in each file, for a checkpoint."""
        return {name: getattr(self, name).count for name in ("results", "tracks", "events", "log")}

    def cut(self, counts: Mapping[str, int]) -> None:
        """Back to what the files held at a checkpoint."""
        for name, count in counts.items():
            getattr(self, name).truncate(count)

    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """What a checkpoint must hold of means over time."""
        return self.shear.arrays() if self.shear else {}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on with the means of a checkpoint."""
        if self.shear:
            self.shear.restore(arrays)

    def see(self, time: float, fluid: FluidFields) -> None:
        """Add a moment to the means over time."""
        if self.shear:
            self.shear.see(time, fluid)

    def frame(self, time: float, fluid: FluidFields, cells: Any, seen: tuple[MembraneFields, ...]) -> None:
        """A step of results.vtkhdf."""
        on_wall = self.shear.frame(fluid) if self.shear else None
        self.results.append(time, fluid_frame(self.setup, fluid), cell_frames(self.setup, cells, seen), on_wall)

    def row(self, time: float, sample: Sample, flow: Mapping[str, NDArray[np.float64]]) -> None:
        """A row of tracks.h5."""
        columns = dict(sample.columns)
        columns["bonds"] = np.zeros(len(sample.places), np.int64)
        columns["cluster_id"] = np.full(len(sample.places), -1, np.int64)
        self.tracks.append(time, columns, flow)

    def close(self) -> None:
        """Bring the index for ParaView up to date."""
        self.results.close()
