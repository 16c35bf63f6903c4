"""Wall shear stress on the vessel's surface, in Pa, and what it was on average over the period of a pulsating flow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.build import Plan
from hemoflow.geometry.refine import refined, vertex_normals
from hemoflow.geometry.wall_values import wall_operator
from hemoflow.run.observe import FluidFields

Array = NDArray[np.float64]

NAME = "wall_shear_stress"
FIELDS = {NAME: 3, f"{NAME}_magnitude": 1}
MEAN_FIELDS = {"time_averaged_wall_shear_stress": 1, "oscillatory_shear_index": 1}

COARSEST = 2.0
"""Longest edge of the surface in node spacings: what the flow resolves is not lost between its vertices."""


@dataclass
class PeriodMean:
    """Means over the latest whole period (s) of a vector on V points, from its values at some times.

    He and Ku 1996, J. Biomech. Eng. 118, 74: the time-averaged wall shear stress is the mean of |t| over a cycle, the
    oscillatory shear index (1 - |mean of t| / mean of |t|) / 2. Periods end at the time seen that is nearest to their end.
    """

    period: float
    points: int
    clock: Array = field(init=False)
    running: Array = field(init=False)
    latest: Array = field(init=False)
    finished: Array = field(init=False)

    def __post_init__(self) -> None:
        self.clock = np.array([-1.0, 0.0, 0.0])  # time seen last, begin of this period, how long the finished one took
        self.running = np.zeros((self.points, 4))  # integrals of the vector and its size
        self.latest = np.zeros((self.points, 3))
        self.finished = np.zeros((self.points, 4))

    def see(self, time: float, value: Array) -> None:
        """The value (V, 3) at a time (s); values in between lie on a line. A time that was seen before counts once."""
        last, begin, _ = self.clock
        if last < 0.0:
            self.clock[:2] = time
            self.latest = value
        if last < 0.0 or time <= last:
            return
        pair = [np.column_stack([v, np.linalg.norm(v, axis=1)]) for v in (self.latest, value)]
        self.running = self.running + 0.5 * (time - last) * (pair[0] + pair[1])
        self.latest, self.clock[0] = value, time
        half = 0.5 * (time - last)
        if np.floor((time + half) / self.period) > np.floor((last + half) / self.period):
            self.finished, self.clock[1:] = self.running, (time, time - begin)
            self.running = np.zeros_like(self.running)

    def means(self) -> tuple[Array, Array]:
        """Mean size (V,) and oscillatory shear index (V,); not-a-number before the first period has ended."""
        if self.clock[2] <= 0.0:
            return np.full(self.points, np.nan), np.full(self.points, np.nan)
        size = self.finished[:, 3] / self.clock[2]
        vector = np.linalg.norm(self.finished[:, :3], axis=1) / self.clock[2]
        return size, 0.5 * (1.0 - vector / np.where(size > 0.0, size, np.nan))

    def arrays(self) -> dict[str, Array]:
        """Everything that a run which goes on needs, by name."""
        return {name: getattr(self, name) for name in ("clock", "running", "latest", "finished")}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from `arrays`."""
        for name, value in arrays.items():
            setattr(self, name, np.array(value, float))


class WallShear:
    """Wall shear stress of a plan: `surface` are vertices (V, 3) m and faces (F, 3), the vessel's wall in triangles that are no
    coarser than the lattice; `mean` what is known of the period, None in flow that does not pulsate."""

    def __init__(self, plan: Plan) -> None:
        spacing, waveform = plan.lumen.spacing, plan.case.flow.waveform
        vertices, faces = refined(*plan.vessel.surface(), COARSEST * spacing)
        self.surface = vertices, faces
        self._normals = vertex_normals(vertices, faces)
        self._operator = wall_operator(plan.lumen, vertices, self._normals)
        self._reached = np.diff(self._operator.indptr) > 0
        self._pressure = plan.units.pressure
        pulsates = waveform.kind != "steady" and waveform.period is not None
        self.mean = PeriodMean(float(waveform.period), len(vertices)) if pulsates and waveform.period else None

    @property
    def fields(self) -> dict[str, int]:
        """Components of what `frame` gives."""
        return FIELDS if self.mean is None else FIELDS | MEAN_FIELDS

    def traction(self, fluid: FluidFields) -> Array:
        """Force per area (V, 3) Pa by which the fluid drags the wall along; zero where no node is near.

        Its size is the wall shear stress. The deviatoric stress at the nodes comes from the populations, with the local viscosity
        (Stahl, Chopard and Latt 2010, Computers & Fluids 39, 1625; Matyka, Koza and Miroslaw 2013, Computers & Fluids 73, 115).
        """
        xx, yy, zz, xy, xz, yz = (self._operator @ np.asarray(fluid.stress, float).T).T
        x, y, z = self._normals.T
        pull = -np.stack([xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z], axis=1)
        along = np.einsum("ij,ij->i", pull, self._normals)
        return np.asarray(self._pressure * (pull - along[:, None] * self._normals))

    def see(self, time: float, fluid: FluidFields) -> None:
        """Add a moment (s) to the means over a period, where there is one."""
        if self.mean is not None:
            self.mean.see(time, self.traction(fluid))

    def frame(self, fluid: FluidFields) -> dict[str, Array]:
        """What is written of a moment, by name; not-a-number where no node is near."""
        traction = self.traction(fluid)
        values = [traction, np.linalg.norm(traction, axis=1), *(self.mean.means() if self.mean else ())]
        for value in values:
            value[~self._reached] = np.nan
        return dict(zip(self.fields, values, strict=True))

    def arrays(self) -> dict[str, Array]:
        """What a checkpoint holds of it."""
        held = {} if self.mean is None else self.mean.arrays()
        return {f"{NAME}/{name}": value for name, value in held.items()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Go on from a checkpoint's arrays."""
        if self.mean is not None:
            self.mean.restore({name: arrays[f"{NAME}/{name}"] for name in self.mean.arrays()})
