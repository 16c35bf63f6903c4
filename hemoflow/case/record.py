"""The case: what a user may ask, one frozen record per table of the case file, every physical value a float in SI.

Each field is annotated with the kind of value that its key holds: its unit, its limits and how it is written.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from hemoflow.case import rules
from hemoflow.case.cells import CellSection
from hemoflow.case.faults import Faults
from hemoflow.case.kinds import (
    NAME,
    NOT_NEGATIVE,
    POSITIVE,
    Choice,
    Choices,
    Number,
    Quantity,
    Range,
    Vector,
)
from hemoflow.case.tables import Raw, Record, Table, Tables
from hemoflow.case.vessel import Vessel
from hemoflow.case.waveform import Waveform
from hemoflow.rheology import BLOOD, CarreauYasuda

Triple = tuple[float, float, float]

LARGEST_WALL_RANGE = 0.3e-6
SIGNED = Range()


class General(Record):
    """[case]: `name`, used for files and reports."""

    name: Annotated[str, NAME] = ""


class Windkessel(Record):
    """What lies behind an opening: `proximal` resistance in series with a `distal` one beside a `capacitance` (Pa s/m^3, m^3/Pa), which
    begins empty, and the pressure (Pa) beyond both."""

    proximal: Annotated[float, Quantity("Pa s/m^3", NOT_NEGATIVE)]
    distal: Annotated[float, Quantity("Pa s/m^3")]
    capacitance: Annotated[float, Quantity("m^3/Pa")]
    distal_pressure: Annotated[float, Quantity("Pa", SIGNED)] = 0.0


class FlowOpening(Record):
    """What is imposed at one opening: exactly one of pressure (Pa), velocity (m/s), flow_rate (m^3/s), resistance (Pa s/m^3) and
    windkessel.

    Velocity and flow rate are positive into the lumen; `distal_pressure` (Pa) lies beyond a resistance.
    """

    name: Annotated[str, NAME]
    pressure: Annotated[float | None, Quantity("Pa", SIGNED)] = None
    velocity: Annotated[float | None, Quantity("m/s", SIGNED)] = None
    flow_rate: Annotated[float | None, Quantity("m^3/s", SIGNED)] = None
    resistance: Annotated[float | None, Quantity("Pa s/m^3")] = None
    distal_pressure: Annotated[float | None, Quantity("Pa", SIGNED)] = None
    windkessel: Annotated[Windkessel | None, Table(Windkessel)] = None
    profile: Annotated[Literal["developed", "parabolic", "plug"], Choice(("developed", "parabolic", "plug"))] = (
        "developed"
    )

    @classmethod
    def check(cls, raw: dict[str, Any], values: dict[str, Any], path: str, faults: Faults) -> None:
        """Exactly one condition; a distal pressure only where there is a resistance before it."""
        rules.exactly_one(raw, ("pressure", "velocity", "flow_rate", "resistance", "windkessel"), path, faults)
        rules.distal_pressure(raw, path, faults)


class Rheology(Record):
    """A viscosity that falls with the shear rate; the values left out are those of blood (Cho and Kensey 1991)."""

    law: Annotated[Literal["carreau-yasuda"], Choice(("carreau-yasuda",))] = "carreau-yasuda"
    zero_shear_viscosity: Annotated[float, Quantity("Pa s")] = BLOOD.zero_shear
    infinite_shear_viscosity: Annotated[float, Quantity("Pa s")] = BLOOD.infinite_shear
    time_constant: Annotated[float, Quantity("s")] = BLOOD.time
    index: Annotated[float, Number(Range(0.0, 1.0, above=True), example="0.3568")] = BLOOD.index
    transition: Annotated[float, Number(Range(0.1, 20.0), example="2.0")] = BLOOD.transition

    @classmethod
    def check(cls, raw: dict[str, Any], values: dict[str, Any], path: str, faults: Faults) -> None:
        """The viscosity falls."""
        rules.viscosity_falls({name: field.default for name, field in cls.model_fields.items()} | values, path, faults)


class Flow(Record):
    """[flow]: the fluid and what drives it; viscosity Pa s (None where `rheology` gives it), density kg/m^3, at most one drive or a list
    of openings."""

    viscosity: Annotated[float | None, Quantity("Pa s")] = 1.2e-3
    rheology: Annotated[Rheology | None, Table(Rheology)] = None
    density: Annotated[float, Quantity("kg/m^3")] = 1025.0
    hematocrit: Annotated[float, Number(Range(0.0, 0.9), example="0.4")] = 0.0
    mean_velocity: Annotated[float | None, Quantity("m/s", SIGNED)] = None
    pressure_drop: Annotated[float | None, Quantity("Pa", SIGNED)] = None
    wall_shear_stress: Annotated[float | None, Quantity("Pa", SIGNED)] = None
    flow_rate: Annotated[float | None, Quantity("m^3/s", SIGNED)] = None
    body_force: Annotated[Triple | None, Vector("N/m^3", scalar=True)] = None
    openings: Annotated[tuple[FlowOpening, ...], Tables(FlowOpening)] = ()
    waveform: Annotated[Waveform, Table(Waveform)] = Waveform()
    initial_velocity: Annotated[
        Literal["rest", "taylor-green"] | Triple, Vector("m/s", words=("rest", "taylor-green"))
    ] = "rest"
    initial_speed: Annotated[float | None, Quantity("m/s")] = None

    @property
    def law(self) -> CarreauYasuda:
        """Viscosity (Pa s) against shear rate (1/s); both ends of a Newtonian fluid are the same."""
        r = self.rheology
        if r is not None:
            return CarreauYasuda(
                r.zero_shear_viscosity, r.infinite_shear_viscosity, r.time_constant, r.index, r.transition
            )
        assert self.viscosity is not None
        return CarreauYasuda(self.viscosity, self.viscosity)

    @model_validator(mode="before")
    @classmethod
    def _one_viscosity(cls, values: Any) -> Any:
        """The default viscosity is that of a fluid without a rheology."""
        thinning = isinstance(values, dict) and values.get("rheology") is not None
        return {"viscosity": None, **values} if thinning else values

    @classmethod
    def check(cls, raw: dict[str, Any], values: dict[str, Any], path: str, faults: Faults) -> None:
        """One viscosity; at most one drive; openings named once; a Taylor-Green vortex needs its speed."""
        rules.one_viscosity(raw, path, faults)
        rules.drives(raw, path, faults)
        rules.initial_velocity(raw, path, faults)
        rules.named_once(raw.get("openings"), f"{path}.openings", faults)


class Resolution(Record):
    """[resolution]: node_spacing (m) and at most one of relaxation_time (no unit), time_step (s) and max_reynolds."""

    node_spacing: Annotated[float, Quantity("m")]
    relaxation_time: Annotated[float | None, Number(Range(0.505, 5.0), example="1.0")] = None
    time_step: Annotated[float | None, Quantity("s")] = None
    max_reynolds: Annotated[float | None, Number(POSITIVE, example="0.5")] = None
    precision: Annotated[Literal["float32", "float64"], Choice(("float32", "float64"))] = "float32"
    density_scale: Annotated[float | Literal["auto"], Number(POSITIVE, words=("auto",), example="1.0")] = "auto"
    collision: Annotated[Literal["trt", "bgk"], Choice(("trt", "bgk"))] = "trt"
    magic: Annotated[float, Number(Range(0.0, 1.0, above=True), example="0.1875")] = 3 / 16

    @classmethod
    def check(cls, raw: dict[str, Any], values: dict[str, Any], path: str, faults: Faults) -> None:
        """At most one way to choose the time step."""
        rules.time_step(raw, path, faults)


class Contact(Record):
    """[contact]: repulsion between cells and walls within `wall_range` (m) and between cells within `cell_range` (m),
    of `strength` (Pa; None: chosen later)."""

    wall_range: Annotated[
        float, Quantity("m", Range(0.0, LARGEST_WALL_RANGE, above=True), "above zero and at most 0.3 um")
    ] = 1e-7
    cell_range: Annotated[
        float, Quantity("m", Range(0.0, LARGEST_WALL_RANGE, above=True), "above zero and at most 0.3 um")
    ] = 1e-7
    strength: Annotated[float | None, Quantity("Pa")] = None


class Coupling(Record):
    """[coupling]: points of the immersed-boundary kernel along each axis."""

    kernel: Annotated[int, Number(Range(2, 4), "2, 3 or 4", whole=True, example="3")] = 3


class Run(Record):
    """[run]: what ends it (`until` s of simulated time, events, `max_wall` s of wall-clock time), seed, checkpoints."""

    until: Annotated[float | None, Quantity("s")] = None
    stop_when: Annotated[tuple[Literal["passed", "stalled"], ...], Choices(("passed", "stalled"))] = ()
    seed: Annotated[int, Number(Range(0, 2**53), "0 to 2^53", whole=True, example="1")] = 0
    checkpoint_every: Annotated[float, Quantity("s")] = 600.0
    max_wall: Annotated[float | None, Quantity("s")] = None


class Output(Record):
    """[output]: simulated time between frames (s; None for about 60 frames) and the fields of the fluid and on the wall in them."""

    every: Annotated[float | None, Quantity("s")] = None
    fields: Annotated[
        tuple[Literal["velocity", "density", "pressure", "stress", "wall_shear_stress"], ...],
        Choices(("velocity", "density", "pressure", "stress", "wall_shear_stress")),
    ] = ("velocity", "pressure")


class Case(Record):
    """A whole case. `folder` is where relative paths of its file start; it does not count when cases are compared."""

    case: Annotated[General, Table(General)] = General()
    vessel: Annotated[Vessel, Table(Vessel)]
    flow: Annotated[Flow, Table(Flow)] = Flow()
    resolution: Annotated[Resolution, Table(Resolution)]
    cells: Annotated[tuple[CellSection, ...], Tables(CellSection)] = ()
    contact: Annotated[Contact, Table(Contact)] = Contact()
    coupling: Annotated[Coupling, Table(Coupling)] = Coupling()
    fate: Annotated[dict[str, Any], Raw(("survival", "arrest", "exit"))] = Field(default_factory=dict)
    run: Annotated[Run, Table(Run)] = Run()
    output: Annotated[Output, Table(Output)] = Output()
    folder: Path = Field(default=Path(), exclude=True)

    @classmethod
    def check(cls, raw: dict[str, Any], values: dict[str, Any], path: str, faults: Faults) -> None:
        """Something moves, something ends it, names are given once."""
        rules.collision_fits(raw, faults)
        rules.something_moves(raw, faults)
        rules.something_ends(raw, faults)
        rules.named_once(raw.get("cells"), "cells", faults)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Case) and self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]
