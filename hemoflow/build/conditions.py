"""What drives the blood: from the flow section of a case to a condition at every opening, a body force and moving walls, in SI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hemoflow.build.fluid import Condition
from hemoflow.build.thinning_profile import rectangle_gradient
from hemoflow.case import Case
from hemoflow.errors import InputError
from hemoflow.geometry.vessel import AbstractVessel, Opening

Array = NDArray[np.float64]
DRIVES = ("mean_velocity", "pressure_drop", "wall_shear_stress", "flow_rate", "body_force")


@dataclass(frozen=True)
class Load:
    """What lies behind an opening: `proximal` and `distal` resistance (Pa s/m^3), the distal one's time constant with its capacitance
    (`time`, s), and the pressure (`expected`, Pa) that the imposed flow builds up before both.

    Pressures, flow rates and times keep their values in SI at any density scale, and so do resistance and capacitance; only the
    inertia of the blood in the vessel is exaggerated.
    """

    proximal: float
    distal: float = 0.0
    time: float = 0.0
    expected: float = 0.0


@dataclass(frozen=True)
class Conditions:
    """`kinds` by opening index; `amount` (O,) is a pressure (Pa) or a mean velocity into the lumen (m/s);
    `body_force` (3,) N/m^3.

    `walls`: velocity (3,) m/s of moving planes by name. `inlets`, `outlets`: opening indices. A waveform scales
    pressures measured from the lowest one, velocities, the body force, or, where nothing else drives, the moving
    walls. `loads` by opening index: its amount is the pressure beyond, which no waveform scales.
    """

    kinds: Mapping[int, Condition]
    amount: Array
    body_force: Array
    walls: Mapping[str, Array]
    inlets: list[int]
    outlets: list[int]
    said: list[str] = field(default_factory=list)
    loads: Mapping[int, Load] = field(default_factory=dict)

    @property
    def is_pressure(self) -> NDArray[np.bool_]:
        """Openings (O,) that impose a pressure."""
        return np.array([self.kinds[k].kind == "pressure" for k in range(len(self.amount))], bool)

    @property
    def pressure_range(self) -> tuple[float, float]:
        """Lowest and highest imposed pressure, Pa."""
        imposed = self.amount[self.is_pressure]
        return (float(imposed.min()), float(imposed.max())) if len(imposed) else (0.0, 0.0)

    @property
    def driven_by_walls_only(self) -> bool:
        """Whether moving walls are all that drives."""
        return bool(self.walls) and not np.any(self.amount) and not np.any(self.body_force)


def find_conditions(case: Case, vessel: AbstractVessel) -> Conditions:
    """Conditions of a case on a vessel. Raises InputError where they do not fit together."""
    found, law = _found(case, vessel), case.flow.law
    if law.zero_shear == law.infinite_shear or law.index == 1.0:
        return found
    thins = {k for k, c in found.kinds.items() if c.kind == "velocity" and found.amount[k]}
    kinds = {
        k: replace(c, thinning=(law, abs(float(found.amount[k])))) if k in thins else c for k, c in found.kinds.items()
    }
    return replace(found, kinds=kinds)


def _found(case: Case, vessel: AbstractVessel) -> Conditions:
    walls = {name: np.asarray(v, float) for name, v in case.vessel.wall_velocity.items()}
    if walls:
        _check_planes(walls, vessel)
    if case.flow.openings:
        return _listed(case, vessel, walls)
    inlets, outlets = _roles(vessel)
    name = next((d for d in DRIVES if getattr(case.flow, d) is not None), None)
    value = getattr(case.flow, name) if name else None
    if name == "body_force":
        return _sealed(vessel, walls, (inlets, outlets), np.asarray(value, float))
    if not vessel.openings:
        return _closed(case, vessel, walls, name)
    if "opening_radii" in vessel.description:
        return _network(vessel, walls, None if name is None or value is None else (name, float(value)))
    if name == "pressure_drop" or name is None:
        found = _pressures(vessel, walls, (inlets, outlets), value)
    else:
        found = _speeds(case, vessel, walls, (inlets, outlets))
    # a negative drive turns the flow round: cells then come in where it says outlet
    backwards = isinstance(value, float) and value < 0
    return replace(found, inlets=found.outlets, outlets=found.inlets) if backwards else found


def _roles(vessel: AbstractVessel) -> tuple[list[int], list[int]]:
    """Inlets and outlets by what the vessel says, else by name, else the first opening feeds the others."""
    names = [opening.name for opening in vessel.openings]
    told: Mapping[str, str] = vessel.description.get("opening_roles", {})
    inlets = [k for k, name in enumerate(names) if told.get(name, "") == "inlet"]
    if not inlets:
        inlets = [k for k, name in enumerate(names) if name.startswith("inlet")]
    if not inlets and names:
        inlets = [0]
    return inlets, [k for k in range(len(names)) if k not in inlets]


def _pressures(
    vessel: AbstractVessel, walls: Mapping[str, Array], roles: tuple[list[int], list[int]], drop: float | None
) -> Conditions:
    """The drop at every inlet, zero at every outlet."""
    amount = np.zeros(len(vessel.openings))
    amount[roles[0]] = drop or 0.0
    kinds = {k: Condition("pressure") for k in range(len(amount))}
    return Conditions(kinds, amount, np.zeros(3), walls, *roles)


def _network(vessel: AbstractVessel, walls: Mapping[str, Array], drive: tuple[str, float] | None) -> Conditions:
    """A network's flow conditions become pressures at its openings through the 0-D flow of the whole network."""
    from hemoflow.geometry.network_conditions import network_conditions, network_inflows

    pressures = network_conditions(vessel.description, drive)
    flows = network_inflows(vessel.description, pressures)
    amount = np.array([pressures[opening.name] for opening in vessel.openings], float)
    inlets = [k for k, opening in enumerate(vessel.openings) if flows[opening.name] > 0]
    outlets = [k for k in range(len(amount)) if k not in inlets]
    kinds = {k: Condition("pressure") for k in range(len(amount))}
    said = ["pressures at the openings come from the 0-D flow of the network"]
    return Conditions(kinds, amount - amount.min(), np.zeros(3), walls, inlets, outlets, said)


def _speeds(
    case: Case, vessel: AbstractVessel, walls: Mapping[str, Array], roles: tuple[list[int], list[int]]
) -> Conditions:
    """A mean velocity at every inlet, zero pressure at every outlet."""
    inlets, outlets = roles
    if not outlets:
        raise InputError("flow: a velocity at the inlet needs an outlet; this vessel has a single opening")
    amount = np.zeros(len(vessel.openings))
    flow = case.flow
    share = np.array([vessel.openings[k].area ** 1.5 for k in inlets])
    for k, part in zip(inlets, share / share.sum(), strict=True):
        opening = vessel.openings[k]
        if flow.mean_velocity is not None:
            amount[k] = flow.mean_velocity
        elif flow.flow_rate is not None:
            amount[k] = flow.flow_rate * part / opening.area
        else:
            stress = flow.wall_shear_stress or 0.0
            amount[k] = np.sign(stress) * flow.law.tube_speed(abs(stress), opening.radius)
    kinds = {k: Condition("velocity" if k in inlets else "pressure") for k in range(len(amount))}
    said = ["the wall shear stress is that of a round tube of the inlet's area"] if flow.wall_shear_stress else []
    return Conditions(kinds, amount, np.zeros(3), walls, inlets, outlets, said)


def _listed(case: Case, vessel: AbstractVessel, walls: Mapping[str, Array]) -> Conditions:
    """Every opening by name."""
    names = [opening.name for opening in vessel.openings]
    given = {entry.name: entry for entry in case.flow.openings}
    unknown = [name for name in given if name not in names]
    missing = [name for name in names if name not in given]
    if unknown or missing:
        parts = [f"no opening is called {', '.join(map(repr, unknown))}"] if unknown else []
        parts += [f"nothing is said about {', '.join(map(repr, missing))}"] if missing else []
        raise InputError(f"flow.openings: {' and '.join(parts)}; this vessel has {', '.join(names) or 'no openings'}")
    kinds, amount = {}, np.zeros(len(names))
    for k, name in enumerate(names):
        kinds[k], amount[k] = _entry(given[name], vessel.openings[k])
    if not any(kind.kind == "pressure" for kind in kinds.values()):
        raise InputError("flow.openings: at least one opening must impose a pressure, or the flow has no reference")
    inlets = _inlets(kinds, amount)
    outlets = [k for k in range(len(names)) if k not in inlets]
    inflow = sum(amount[k] * vessel.openings[k].area for k in kinds if kinds[k].kind == "velocity")
    loads = {k: _load(given[name], max(inflow, 0.0)) for k, name in enumerate(names) if _loaded(given[name])}
    return Conditions(kinds, amount, np.zeros(3), walls, inlets, outlets, loads=loads)


def _loaded(entry: Any) -> bool:
    return entry.resistance is not None or entry.windkessel is not None


def _load(entry: Any, inflow: float) -> Load:
    """The load of an opening; all of what flows in may leave there."""
    if entry.resistance is not None:
        return Load(entry.resistance, expected=entry.resistance * inflow)
    kessel = entry.windkessel
    expected = (kessel.proximal + kessel.distal) * inflow
    return Load(kessel.proximal, kessel.distal, kessel.distal * kessel.capacitance, expected)


def _entry(entry: Any, opening: Opening) -> tuple[Condition, float]:
    if _loaded(entry):
        beyond = entry.distal_pressure if entry.windkessel is None else entry.windkessel.distal_pressure
        return Condition("pressure"), beyond or 0.0
    if entry.pressure is not None:
        return Condition("pressure"), entry.pressure
    profile = entry.profile or "developed"
    return Condition("velocity", profile), (
        entry.velocity if entry.velocity is not None else entry.flow_rate / opening.area
    )


def _inlets(kinds: Mapping[int, Condition], amount: Array) -> list[int]:
    """Openings that blood enters by: those with a velocity into the lumen, else those with the higher pressures."""
    velocity = [k for k in kinds if kinds[k].kind == "velocity"]
    if any(amount[k] > 0 for k in velocity):
        return [k for k in velocity if amount[k] > 0]
    pressures = [k for k in kinds if k not in velocity]
    low, high = min(amount[pressures]), max(amount[pressures])
    if velocity and low == high:
        return pressures
    return [k for k in pressures if amount[k] >= 0.5 * (low + high)]


def _sealed(
    vessel: AbstractVessel, walls: Mapping[str, Array], roles: tuple[list[int], list[int]], force: Array
) -> Conditions:
    """A body force, with zero pressure at every opening there may be."""
    kinds = {k: Condition("pressure") for k in range(len(vessel.openings))}
    return Conditions(kinds, np.zeros(len(vessel.openings)), force, walls, *roles)


def _closed(case: Case, vessel: AbstractVessel, walls: Mapping[str, Array], drive: str | None) -> Conditions:
    """A vessel without openings: what is asked for becomes a body force along its periodic axis."""
    none = Conditions({}, np.zeros(0), np.zeros(3), walls, [], [])
    if drive is None:
        return none
    if not any(vessel.periodic):
        raise InputError(
            f"flow.{drive}: this vessel has neither openings nor a periodic axis, so nothing can flow through it; "
            "use moving walls (vessel.wall_velocity), flow.body_force or flow.initial_velocity"
        )
    axis = int(np.argmax(vessel.periodic))
    length = float(vessel.bounds[1][axis] - vessel.bounds[0][axis])
    if drive == "pressure_drop":
        gradient = (case.flow.pressure_drop or 0.0) / length
    elif drive == "wall_shear_stress":
        gradient = (case.flow.wall_shear_stress or 0.0) * _wall_area(vessel) / vessel.volume
    else:
        gradient = _gradient_for(case, vessel, axis)
    force = np.zeros(3)
    force[axis] = gradient
    said = [f"as a body force of {gradient:.4g} N/m^3 along the periodic axis {'xyz'[axis]}"]
    return Conditions({}, np.zeros(0), force, walls, [], [], said)


def _wall_area(vessel: AbstractVessel) -> float:
    vertices, faces = vessel.surface()
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(0.5 * np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())


def _gradient_for(case: Case, vessel: AbstractVessel, axis: int) -> float:
    """Pressure gradient (Pa/m) that gives a mean velocity or flow rate in a periodic vessel of constant cross-section."""
    from hemoflow.analytic import rectangle_conductance

    length = float(vessel.bounds[1][axis] - vessel.bounds[0][axis])
    area = vessel.volume / length
    speed = case.flow.mean_velocity if case.flow.mean_velocity is not None else (case.flow.flow_rate or 0.0) / area
    shape = case.vessel.formula
    if shape == "tube":
        radius = float(np.sqrt(area / np.pi))
        return float(np.sign(speed)) * 2.0 * case.flow.law.tube_wall_stress(abs(speed), radius) / radius
    if shape in ("channel", "box"):
        extent = np.delete(vessel.bounds[1] - vessel.bounds[0], axis)
        open_side = np.delete(np.array(vessel.periodic), axis)
        if open_side.all():
            raise InputError(
                "flow.mean_velocity: a fully periodic box has no walls; use flow.initial_velocity or body_force"
            )
        sides = np.where(open_side, np.inf, extent)
        if case.flow.viscosity is None and speed:
            return float(np.sign(speed)) * rectangle_gradient((sides[0], sides[1]), case.flow.law, abs(speed))
        return float(case.flow.law.zero_shear * speed / rectangle_conductance(*sides))
    raise InputError(
        f"flow.mean_velocity or flow_rate: not known beforehand for a periodic {shape}; use flow.pressure_drop or wall_shear_stress"
    )


def _check_planes(walls: Mapping[str, Array], vessel: AbstractVessel) -> None:
    for name in walls:
        axis = "xyz".index(name[0])
        if vessel.periodic[axis]:
            raise InputError(f"vessel.wall_velocity.{name}: the vessel is periodic along {name[0]}, there is no wall")
