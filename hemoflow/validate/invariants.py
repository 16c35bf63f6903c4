"""Runners for what must not change: volume, mass, the sum of forces, a uniform flow, a sphere at rest, and D under equivalent set-ups.

Capsules and fluid are advanced by the public step. Drifts are relative: volume to the first volume, mass to the mass of all nodes,
forces to the sum of their sizes, velocities to the uniform one.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from hemoflow.build.fluid import Relaxation
from hemoflow.model import Contact, Model
from hemoflow.step import cell_forces, point_stencil
from hemoflow.validate.capsules_in_fluid import Capsule, CapsuleCase, Flow, capsule_case, shear_flow
from hemoflow.validate.flow import in_precision, number
from hemoflow.validate.flow_cases import fluid_case
from hemoflow.validate.record import Measurement, Settings
from hemoflow.validate.shapes import Room

Params = dict[str, str]
Runner = Callable[[Params, Settings], Measurement]
Floats = NDArray[np.float64]
PENALTY = 100.0
"""Volume modulus over G/a of a capsule with a volume penalty, as simulations choose it."""


@dataclass(frozen=True)
class Shear:
    """A capsule in shear: radius in nodes, G's capillary number, Reynolds number rate a^2/nu, and the lattice.

    The box is 4 a along the flow, 3.6 a between the walls and 3 a wide: enough for what is compared here, far too tight for D itself.
    """

    radius: float
    capillary: float
    reynolds: float
    tau: float = 1.0
    volume_modulus: float = 0.0
    axes: tuple[int, int] = (0, 1)
    shift: float = 0.0
    law: str = "neo-hookean"
    area_dilation: float = 1.0

    @property
    def rate(self) -> float:
        """Shear rate per step."""
        return self.reynolds * Relaxation(self.tau).viscosity / self.radius**2

    def case(self) -> CapsuleCase:
        """The capsule at rest in the developed shear flow."""
        size = np.zeros(3)
        size[[*self.axes, 3 - sum(self.axes)]] = np.round(np.array([4.0, 3.6, 3.0]) * self.radius)
        relaxation = Relaxation(self.tau)
        modulus = relaxation.viscosity * self.rate * self.radius / self.capillary
        centre = 0.5 * size
        centre[[self.axes[0], 3 - sum(self.axes)]] += self.shift
        capsule = Capsule(
            self.radius, (float(centre[0]), float(centre[1]), float(centre[2])), modulus, self.area_dilation,
            self.volume_modulus * modulus / self.radius, self.law,
        )  # fmt: skip
        return capsule_case(
            shear_flow((float(size[0]), float(size[1]), float(size[2])), self.rate, relaxation, self.axes), capsule
        )


def _sheared(params: Params, settings: Settings, radius: float, **changes: float | str | tuple[int, int]) -> Shear:
    law = "skalak" if params.get("law", "NH").lower().startswith("sk") else "neo-hookean"
    values: dict[str, object] = {
        "radius": number(params, "a", radius),
        "capillary": number(params, "Ca_Gs", number(params, "Ca", 0.3)),
        "reynolds": number(params, "Re_s", 0.5),
        "tau": number(params, "tau", 1.0),
        "law": law,
        "area_dilation": number(params, "C", 1.0),
    }
    return Shear(**(values | changes))  # type: ignore[arg-type]


def volume_drift(modulus: float) -> Runner:
    """Largest relative change of the volume of a capsule in shear, with a volume modulus in G/a."""

    def runner(params: Params, settings: Settings) -> Measurement:
        shear = _sheared(params, settings, 6.0 if settings.quick else 10.0, volume_modulus=modulus)
        case = shear.case()
        first, worst = case.volume, 0.0
        duration = number(params, "gdot t", 10.0)
        for _ in range(10):
            case.advance(max(round(0.1 * duration / shear.rate), 1))
            worst = max(worst, abs(case.volume / first - 1.0))
        return _about(shear, case, worst)

    return runner


def _about(shear: Shear, case: CapsuleCase, value: float) -> Measurement:
    text = f"a = {shear.radius:g} nodes, box 4 a x 3.6 a x 3 a, Re {shear.reynolds:g}, {case.steps} steps"
    return Measurement(value, text, case.node_updates)


def mass_drift(params: Params, settings: Settings) -> Measurement:
    """Relative change of the mass in a closed box with a moving lid per 1e5 steps, the larger of float32 and float64.

    Quick: a tenth of the steps, times ten.
    """
    size, steps = 12.0, 10_000 if settings.quick else 100_000

    def lid(x: Floats) -> Floats:
        return np.where(x[:, 1:2] > size - 0.25, np.array([[0.05, 0.0, 0.02]]), 0.0)

    worst, updates = 0.0, 0
    for double in (False, True):
        with jax.enable_x64(double):
            case = fluid_case(Room((size, size, size), "xyz"), 1.0, Relaxation(0.8), np.array([0.0, 1e-5, 0.0]), lid)
            case.advance(steps)
            worst = max(worst, abs(case.mass) / len(case.lumen.nodes) * 100_000 / steps)
            updates += case.node_updates
    return Measurement(worst, f"{size:g} nodes across, {steps} steps in each precision", updates)


def _beside_wall(settings: Settings, kernel: int, drift: Floats | None = None) -> CapsuleCase:
    """A stretched capsule whose kernels overlap the wall and whose membrane crosses a periodic edge, in shear or in a uniform flow."""
    a = 5.0 if settings.quick else 10.0
    side = float(round(2.5 * a))
    size = (side, 3.0 * a, side)
    flow = shear_flow(size, 1e-3, Relaxation(1.0))
    if drift is not None:
        flow = Flow(flow.room, flow.relaxation, lambda x: np.broadcast_to(drift, x.shape))
    stretch = 1.1 if drift is None else 1.0
    flow = Flow(flow.room, flow.relaxation, flow.velocity, kernel)
    case = capsule_case(flow, Capsule(a, (0.3, stretch * a + 0.45, 0.2 * a), 0.01, stretch=stretch))
    m = case.model
    contact = Contact(jnp.asarray(0.01 if drift is None else 0.0), jnp.asarray(0.6))
    case.model = Model(m.fluid, m.layout, m.groups, contact, kernel)
    case.advance(20)
    return case


def spread_sum(params: Params, settings: Settings) -> Measurement:
    """|sum over nodes of the spread force - sum over vertices| over the sum of the sizes of the vertex forces; worst kernel."""
    worst, updates = 0.0, 0
    for kernel in (2, 3, 4):
        case = _beside_wall(settings, kernel)
        cells = case.state.cells[0]
        force = cell_forces(case.model, case.model.groups[0], cells)[0].reshape(-1, 3)
        nodes = point_stencil(case.model, cells).spread_onto(
            jnp.zeros((3, case.model.layout.count), force.dtype), force
        )
        difference = np.asarray(nodes, np.float64).sum(axis=1) - np.asarray(force, np.float64).sum(axis=0)
        scale = float(jnp.sum(jnp.linalg.norm(force, axis=1)))
        worst = max(worst, float(np.linalg.norm(difference)) / scale)
        updates += case.node_updates
    return Measurement(worst, "beside a wall, across a periodic edge, kernels of 2, 3 and 4 points", updates)


def uniform_flow(params: Params, settings: Settings) -> Measurement:
    """Largest difference of the velocity at the vertices from that of the uniform flow, over its size; worst kernel."""
    drift = np.array([0.02, 0.0, -0.01])
    worst, updates = 0.0, 0
    for kernel in (2, 3, 4):
        case = _beside_wall(settings, kernel, drift)
        velocity = jnp.asarray(case.velocity, case.state.fluid.populations.dtype)
        seen = point_stencil(case.model, case.state.cells[0]).interpolate(velocity)
        away = np.linalg.norm(np.asarray(seen, np.float64) - drift, axis=1)
        worst = max(worst, float(away.max() / np.linalg.norm(drift)))
        updates += case.node_updates
    return Measurement(worst, "beside a wall, across a periodic edge, kernels of 2, 3 and 4 points", updates)


def spurious_velocity(params: Params, settings: Settings) -> Measurement:
    """Largest speed anywhere around a sphere inflated by 5 %, in G/mu, once it no longer falls."""
    a = number(params, "a", 6.0 if settings.quick else 10.0)
    side = float(round(3.2 * a))
    relaxation, modulus = Relaxation(1.0), 0.01
    flow = Flow(Room((side, side, side)), relaxation, np.zeros_like)
    middle = 0.5 * side + 0.2
    inflated = 1.0 + number(params, "inflation", 0.05)
    case = capsule_case(flow, Capsule(a, (middle, middle, middle), modulus, stretch=inflated))
    speeds = [np.inf]
    while len(speeds) < 40:
        case.advance(400)
        speeds.append(float(np.linalg.norm(case.velocity, axis=0).max()) * relaxation.viscosity / modulus)
        if speeds[-1] > 0.95 * speeds[-2]:
            break
    return Measurement(max(speeds[-2:]), f"a = {a:g} nodes, box {side / a:g} a, {case.steps} steps", case.node_updates)


def deformation_change(one: dict[str, object], other: dict[str, object]) -> Runner:
    """Relative difference of D at rate t = 2 between two ways to set up the same shear flow; `double` chooses the precision."""

    def runner(params: Params, settings: Settings) -> Measurement:
        values, updates = [], 0
        for changes in (one, other):
            kept = dict(changes)
            double = bool(kept.pop("double", settings.precision == "float64"))
            with jax.enable_x64(double):
                shear = _sheared(params, settings, 5.0 if settings.quick else 8.0, **kept)  # type: ignore[arg-type]
                case = shear.case()
                case.advance(round(number(params, "gdot t", 2.0) / shear.rate))
                values.append(case.deformation)
                updates += case.node_updates
        return Measurement(abs(values[1] / values[0] - 1.0), f"a = {shear.radius:g} nodes, rate t = 2", updates)

    return runner


CHANGES: tuple[tuple[tuple[str, ...], Runner], ...] = (
    (
        ("centre is shifted by half a node", "centre shifted by half a node", "half-node shift"),
        deformation_change({}, {"shift": 0.5}),
    ),
    (("axes are permuted", "axes permuted", "permuted axes"), deformation_change({}, {"axes": (1, 2)})),
    (
        (
            "tau goes 0.7 to 1.5 at fixed Ca",
            "tau goes from 0.7 to 1.5 at fixed Ca",
            "tau 0.7 to 1.5 at fixed Ca",
            "tau 0.7 to 1.5",
        ),
        deformation_change({"tau": 0.7}, {"tau": 1.5}),
    ),
    (
        ("Re_s 0.1 to 0.02", "Re_s goes 0.1 to 0.02", "Re_s goes from 0.1 to 0.02"),
        deformation_change({"reynolds": 0.1, "tau": 2.0}, {"reynolds": 0.02, "tau": 2.0}),
    ),
    (
        ("float32 to float64", "float32 goes to float64", "from float32 to float64", "float32 vs float64"),
        deformation_change({"double": False}, {"double": True}),
    ),
)
"""The tables name these cases in a comment only, so several ways to say each are understood."""

RUNNERS: dict[tuple[str, str], Runner] = {
    ("invariants", "capsule volume drift, NH Ca_Gs=0.3, 0<gdot t<10, no volume penalty"): in_precision(
        volume_drift(0.0)
    ),
    ("invariants", "capsule volume drift with volume penalty"): in_precision(volume_drift(PENALTY)),
    ("invariants", "total fluid mass drift per 1e5 steps, fp32 / fp64"): mass_drift,
    ("invariants", "net IBM force spread minus sum of nodal forces"): in_precision(spread_sum),
    ("invariants", "interpolated velocity of a uniform flow minus exact"): in_precision(uniform_flow),
    ("invariants", "settled spurious velocity of prestressed static sphere (5 %), in G/mu"): in_precision(
        spurious_velocity
    ),
} | {
    ("invariants", f"change of D{link}{article}{phrase}"): runner
    for phrases, runner in CHANGES
    for phrase, link, article in itertools.product(
        phrases, (" when ", ", ", ": ", " for ", " ", " with "), ("", "the ")
    )
}
