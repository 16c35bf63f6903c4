"""Everything that is decided before anything is compiled: vessel, lumen, flow, cells, time step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from hemoflow.build.cells import Room, Seed, check_seats, find_seat, mesh_size
from hemoflow.build.conditions import Conditions, find_conditions
from hemoflow.build.drives import largest_factor
from hemoflow.build.memory import check_memory, memory_needed
from hemoflow.build.scales import WALL_SHEAR, Physics, Request, Scales, choose_scales
from hemoflow.case import Case
from hemoflow.cells.catalogue import CATALOGUE
from hemoflow.cells.celltype import WITH_DILATION
from hemoflow.errors import InputError
from hemoflow.geometry.bottleneck import bottleneck_radius
from hemoflow.geometry.pathways import Pathways, find_pathways
from hemoflow.geometry.vessel import AbstractVessel
from hemoflow.geometry.voxelise import Lumen, voxelise
from hemoflow.units import UnitSystem

CONTACT_FACTOR = 2.0
"""Repulsion at zero gap over the largest pressure in the problem: the gap then settles at half of the range or more."""


@dataclass(frozen=True)
class Plan:
    """A case with all its decisions, SI. `bottleneck` m: radius of the widest sphere that passes; `pressure` Pa: the
    largest difference; `contact` Pa: repulsion at zero gap."""

    case: Case
    vessel: AbstractVessel
    lumen: Lumen
    pathways: Pathways
    conditions: Conditions
    seeds: list[Seed]
    bottleneck: float
    pressure: float
    contact: float
    physics: Physics
    scales: Scales
    largest_scale: float

    @property
    def units(self) -> UnitSystem:
        """Between SI and this plan's lattice."""
        return UnitSystem(
            self.scales.spacing, self.scales.time_step, self.case.flow.density * self.scales.density_scale
        )


def load_vessel(case: Case) -> AbstractVessel:
    """The vessel of a case, from its file or its formula."""
    section = case.vessel
    if section.geometry is None:
        from hemoflow.geometry.formula import make_vessel

        return make_vessel(str(section.formula), periodic=section.periodic, **section.parameters)
    from hemoflow.geometry.read import read_vessel

    crop = None if section.crop is None else np.array([section.crop.min, section.crop.max], float)
    return read_vessel(
        section.geometry,
        section.unit,
        kind=section.kind,
        openings=tuple((opening.name, np.asarray(opening.at, float)) for opening in section.openings),
        piece=(crop, section.component),
        viscosity=_network_viscosity(case),
    )


def _network_viscosity(case: Case) -> Any:
    """Viscosity of the 0-D flow of a network: that of the fluid (at high shear rates), or blood's in vivo where a hematocrit is given."""
    if case.flow.hematocrit == 0.0:
        return case.flow.law.infinite_shear
    from hemoflow.geometry.pries import InVivoViscosity

    return InVivoViscosity(case.flow.law.infinite_shear, case.flow.hematocrit)


def make_plan(case: Case) -> Plan:
    """Decide everything. Raises InputError for what cannot work."""
    vessel = load_vessel(case)
    if "wall_shear_stress" in case.output.fields and all(vessel.periodic):
        raise InputError(
            'output.fields: "wall_shear_stress" needs a wall; this vessel repeats along all three axes: leave it out'
        )
    spacing = case.resolution.node_spacing
    check_memory(memory_needed(vessel.volume / spacing**3, case.resolution.precision), spacing)
    lumen = voxelise(vessel, spacing)
    conditions = find_conditions(case, vessel)
    pathways = find_pathways(lumen, conditions.inlets, conditions.outlets)
    seeds = place_cells(case, Room(vessel, lumen, pathways))
    narrow = bottleneck_radius(vessel, lumen, conditions.inlets, conditions.outlets)
    viscosity = _wall_viscosity(case, vessel, conditions, pathways)
    pressure = _pressure(case, vessel, (conditions, pathways), viscosity)
    stiffness = ("cortical_tension", "shear_modulus")
    tension = max((seed.kind.value(name) for seed in seeds for name in stiffness), default=0.0)
    contact = case.contact.strength or CONTACT_FACTOR * max(pressure, 2.0 * tension / max(narrow, 0.5 * lumen.spacing))
    physics = _physics(case, (conditions, pathways, seeds), (pressure, viscosity), contact)
    return Plan(
        case, vessel, lumen, pathways, conditions, seeds, narrow, pressure, contact, physics,
        choose_scales(physics, _request(case, conditions, physics)), _largest_scale(case, conditions, physics),
    )  # fmt: skip


def place_cells(case: Case, room: Room) -> list[Seed]:
    """Every cell of a case with its place. Raises InputError where one does not fit."""
    seeds: list[Seed] = []
    for section in case.cells:
        kind = CATALOGUE[section.type].with_values(section.overrides)
        base = section.name or section.type
        for k in range(section.count):
            name = base if section.count == 1 else f"{base}-{k + 1}"
            radius = 0.5 * kind.value("diameter")
            if isinstance(section.position, str):
                centre = find_seat(room, radius, name, seeds)
            else:
                centre = np.asarray(section.position, float)
            seeds.append(Seed(kind, name, len(seeds), centre))
    names = [seed.name for seed in seeds]
    if len(set(names)) < len(names):
        seeds = [
            Seed(s.kind, f"{s.name}-{s.ident + 1}" if names.count(s.name) > 1 else s.name, s.ident, s.centre)
            for s in seeds
        ]
    check_seats(seeds, room)
    return seeds


def _wall_viscosity(case: Case, vessel: AbstractVessel, conditions: Conditions, pathways: Pathways) -> float:
    """Viscosity (Pa s) at the wall of the fastest place, by what drives the flow: the lowest that the blood gets to in a plain tube."""
    law = case.flow.law
    if law.zero_shear == law.infinite_shear:
        return law.zero_shear
    fastest = int(np.argmax(pathways.mobility))
    width = float(pathways.wall[fastest])
    pressure = _pressure(case, vessel, (conditions, pathways), 0.0)
    stress = WALL_SHEAR * pathways.speed_near(pathways.positions[fastest], width, pressure, 1.0) / (2.0 * width)
    inflow = _inflow(vessel, conditions) * largest_factor(case.flow.waveform)
    needed = inflow / pathways.conductance if inflow and pathways.conductance > 0 else 0.0
    speed = pathways.speed_near(pathways.positions[fastest], width, needed, 1.0)
    speed = max(speed, _given_speed(case, conditions))
    return float(law.viscosity(max(float(law.rate(stress)), WALL_SHEAR * speed / (2.0 * width))))


def _inflow(vessel: AbstractVessel, conditions: Conditions) -> float:
    """Sum of the imposed flow rates, m^3/s."""
    return sum(
        abs(conditions.amount[k]) * vessel.openings[k].area for k, c in conditions.kinds.items() if c.kind == "velocity"
    )


def _pressure(case: Case, vessel: AbstractVessel, parts: tuple[Conditions, Pathways], viscosity: float) -> float:
    """The largest pressure difference (Pa) that drives, or that the imposed flow needs."""
    conditions, pathways = parts
    factor = largest_factor(case.flow.waveform)
    low, high = conditions.pressure_range
    pressure = high - low
    inflow = _inflow(vessel, conditions)
    if inflow and pathways.conductance > 0:
        pressure = max(pressure, inflow * viscosity / pathways.conductance)
    extent = vessel.bounds[1] - vessel.bounds[0]
    return factor * (pressure + float(np.max(np.abs(conditions.body_force) * extent, initial=0.0)))


def _given_speed(case: Case, conditions: Conditions) -> float:
    """The largest speed (m/s) that the case prescribes: of walls, at openings, at the start."""
    flow = case.flow
    given = [float(np.linalg.norm(v)) for v in conditions.walls.values()]
    given += [abs(a) for k, a in enumerate(conditions.amount) if conditions.kinds[k].kind == "velocity"]
    if not isinstance(flow.initial_velocity, str):
        given.append(float(np.linalg.norm(flow.initial_velocity)))
    elif flow.initial_velocity == "taylor-green":
        given.append(flow.initial_speed or 0.0)
    return largest_factor(flow.waveform) * max(given, default=0.0)


def _physics(
    case: Case,
    parts: tuple[Conditions, Pathways, list[Seed]],
    state: tuple[float, float],
    contact: float,
) -> Physics:
    (conditions, pathways, seeds), (pressure, viscosity) = parts, state
    flow = case.flow
    fastest = int(np.argmax(pathways.mobility))
    width = float(pathways.wall[fastest])
    speed = pathways.speed_near(pathways.positions[fastest], width, pressure, viscosity)
    peak = 2.2 * speed
    largest = _given_speed(case, conditions)
    values = {
        name: [seed.kind.value(name) for seed in seeds] or [0.0]
        for name in (
            "cortical_tension",
            "shear_modulus",
            "area_dilation",
            "area_modulus",
            "local_area_modulus",
            "bending_modulus",
            "volume_modulus",
        )
    }
    elastic = max(g * (1.0 + 2.0 * c) if s.kind.law in WITH_DILATION else 3.0 * g for g, c, s in zip(
        values["shear_modulus"], values["area_dilation"], seeds, strict=False
    )) if seeds else 0.0  # fmt: skip
    return Physics(
        viscosity,
        flow.density,
        2.0 * width,
        max(speed, largest),
        max(peak, 2.0 * largest),
        pressure
        + largest_factor(flow.waveform) * max((load.expected for load in conditions.loads.values()), default=0.0),
        tension=max(elastic, *values["cortical_tension"], *values["area_modulus"], *values["local_area_modulus"])
        if seeds
        else 0.0,
        cortical=max(values["cortical_tension"]),
        bending=max(values["bending_modulus"]),
        radius=max((seed.radius for seed in seeds), default=0.0),
        contact=contact / _shortest_range(case, seeds) if seeds else 0.0,
        volume_modulus=max(values["volume_modulus"]),
        shear_modulus=min((g for g in values["shear_modulus"] if g > 0), default=0.0),
        zero_shear=flow.law.zero_shear,
        infinite_shear=flow.law.infinite_shear,
    )


def _shortest_range(case: Case, seeds: list[Seed]) -> float:
    """Of the repulsions that can act, m."""
    return min(case.contact.wall_range, case.contact.cell_range) if len(seeds) > 1 else case.contact.wall_range


def _request(case: Case, conditions: Conditions, physics: Physics) -> Request:
    section = case.resolution
    return Request(
        section.node_spacing,
        physics.relaxation_time(section.relaxation_time),
        section.time_step,
        None if section.density_scale == "auto" else float(section.density_scale),
        section.max_reynolds if section.max_reynolds is not None else 0.5,
        _largest_scale(case, conditions, physics),
    )


def _largest_scale(case: Case, conditions: Conditions, physics: Physics) -> float:
    """Density may be exaggerated only where inertia plays no part in the answer: not in a flow that starts with a
    velocity or has no cell to wait for, and in a pulsating one only as long as the pulse still reaches the axis at
    once (Womersley number squared <= 0.1); the same holds for the time in which a Windkessel fills.
    """
    wave = case.flow.waveform
    rates = [1.0 / load.time for load in conditions.loads.values() if load.time > 0.0]
    if not case.cells or case.flow.initial_velocity != "rest":
        return 1.0
    if wave.timescale is not None:
        rates.append(2.0 * np.pi / wave.timescale)
    if not rates:
        return float("inf")
    womersley_squared = physics.density * max(rates) * (0.5 * physics.length) ** 2 / physics.thinnest
    return max(1.0, 0.1 / womersley_squared)


def expected_transit(plan: Plan) -> float:
    """Time (s) that the undisturbed flow needs for the shortest way through the vessel; infinite without flow."""
    speed = plan.pathways.mobility * plan.pressure / plan.physics.viscosity
    typical = float(np.median(speed[speed > 0])) if (speed > 0).any() else 0.0
    return plan.pathways.length / typical if typical > 0 else float("inf")


def membrane_vertices(plan: Plan) -> int:
    """Vertices of all membranes together."""
    return sum(mesh_size(seed.kind, plan.lumen.spacing) for seed in plan.seeds)
