"""What the solver will do with a case, in numbers, before it does it."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from hemoflow.build.memory import check_memory, memory_needed
from hemoflow.build.plan import Plan, expected_transit, make_plan, membrane_vertices
from hemoflow.case import Case
from hemoflow.errors import InputError

NODE_RATE = 6e6
"""Fluid nodes that one core updates per second, roughly; times are estimates and say so."""

VERTEX_RATE = 1e6
"""Membrane vertices per second, roughly."""

TRANSITS = 8.0
"""Default length of a run in estimated transit times of the undisturbed flow."""


def check_case(case: Case) -> dict[str, Any]:
    """All derived numbers of a case, SI. Raises InputError for what cannot work."""
    return describe_plan(make_plan(case))


def run_length(plan: Plan) -> float:
    """Simulated time (s) of a run: run.until, else a multiple of the estimated transit."""
    if plan.case.run.until is not None:
        return plan.case.run.until
    estimate = expected_transit(plan)
    if estimate == float("inf"):
        raise InputError('run.until: missing; nothing tells how long this case should run; give e.g. "10 ms"')
    return TRANSITS * estimate


def describe_plan(plan: Plan) -> dict[str, Any]:
    """The report of `check` for a plan."""
    case, scales, lumen = plan.case, plan.scales, plan.lumen
    until = run_length(plan)
    steps = round(until / scales.time_step)
    nodes, vertices = len(lumen.nodes), membrane_vertices(plan)
    memory = memory_needed(nodes, case.resolution.precision, vertices)
    check_memory(memory, lumen.spacing)
    cores = len(os.sched_getaffinity(0))
    numbers = scales.numbers
    return {
        "case": case.case.name,
        "vessel": {
            "openings": {
                o.name: "inlet" if k in plan.conditions.inlets else "outlet" for k, o in enumerate(plan.vessel.openings)
            },
            "volume_m3": plan.vessel.volume,
            "lumen_volume_m3": lumen.volume,
            "bottleneck_diameter_m": 2.0 * plan.bottleneck,
            "length_m": plan.pathways.length,
            "notes": list(plan.conditions.said)
            + _rounded_lengths(plan)
            + [str(note) for note in plan.vessel.description.get("notes", ())],
        },
        "node_spacing_m": lumen.spacing,
        "time_step_s": scales.time_step,
        "relaxation_time": scales.relaxation_time,
        "density_scale": scales.density_scale,
        "relaxation_times": [numbers["relaxation_time_thinnest"], numbers["relaxation_time_thickest"]],
        "viscosity_pa_s": plan.physics.viscosity,
        "viscosities_pa_s": [plan.physics.thinnest, plan.physics.thickest],
        "time_step_bound_by": scales.binds,
        "time_step_limits_s": scales.limits,
        "mach": numbers["mach"],
        "reynolds": numbers["reynolds"],
        "reynolds_physical": numbers["reynolds_physical"],
        "capillary": numbers["capillary"],
        "capillary_tension": numbers["capillary_tension"],
        "wall_shear_rate_1_s": numbers["wall_shear_rate"],
        "laplace": numbers["laplace"],
        "density_change": numbers["density_change"],
        "pressure_difference_pa": plan.pressure,
        "speed_estimate_m_s": plan.physics.speed,
        "nodes_across_bottleneck": 2.0 * plan.bottleneck / lumen.spacing,
        "nodes_across_lumen": 2.0 * float(plan.pathways.wall.max()) / lumen.spacing,
        "cells": [_cell(plan, k) for k in range(len(plan.seeds))],
        "fluid_nodes": nodes,
        "membrane_vertices": vertices,
        "precision": case.resolution.precision,
        "until_s": until,
        "steps": steps,
        "memory_bytes": memory,
        "estimated_seconds": steps * (nodes / (NODE_RATE * min(cores, 8)) + vertices / VERTEX_RATE),
        "warnings": warnings(plan),
    }


def _cell(plan: Plan, k: int) -> dict[str, Any]:
    seed = plan.seeds[k]
    tension, radius, throat = seed.kind.value("cortical_tension"), seed.radius, plan.bottleneck
    threshold = 2.0 * tension * (1.0 / throat - 1.0 / radius) if 0 < throat < radius else 0.0
    return {
        "name": seed.name,
        "type": seed.kind.name,
        "diameter_m": 2.0 * radius,
        "nodes_across": 2.0 * radius / plan.lumen.spacing,
        "centre_m": seed.centre.tolist(),
        "over_bottleneck": radius / throat if throat else float("inf"),
        "laplace_threshold_pa": threshold,
    }


def warnings(plan: Plan) -> list[str]:
    """What a careful user would want to be told."""
    said = []
    across = 2.0 * plan.bottleneck / plan.lumen.spacing
    if across < 8:
        said.append(f"only {across:.1f} nodes across the narrowest lumen: wall shear and entry are rough below 8")
    for seed in plan.seeds:
        nodes = 2.0 * seed.radius / plan.lumen.spacing
        if nodes < 10:
            said.append(f"only {nodes:.1f} nodes across cell '{seed.name}': deformation is rough below 10")
    if plan.scales.numbers["reynolds"] > 1.0:
        said.append(f"Reynolds number {plan.scales.numbers['reynolds']:.2g} on the lattice: inertia matters")
    if plan.scales.numbers["density_change"] > 0.1:
        said.append(f"the lattice density changes by {plan.scales.numbers['density_change']:.0%} over the vessel")
    if plan.vessel.volume > 0 and abs(plan.lumen.volume / plan.vessel.volume - 1.0) > 0.05:
        said.append(
            f"the lattice fills {plan.lumen.volume / plan.vessel.volume:.1%} of the vessel's volume: refine, or check the openings"
        )
    stored = plan.lumen.volume / plan.units.sound_modulus
    for k, load in plan.conditions.loads.items():
        if 0.0 < load.time < 20.0 * stored * load.distal:
            said.append(
                f"the lattice itself stores {stored * load.distal / load.time:.0%} of what the Windkessel at "
                f"'{plan.vessel.openings[k].name}' does: choose a smaller time step or a larger capacitance"
            )
    if plan.scales.density_scale > 1.01 * plan.largest_scale:
        said.append(
            f"a density scale of {plan.scales.density_scale:.3g} changes the inertia of this case: transients and pulses will be too slow"
        )
    return said


def _rounded_lengths(plan: Plan) -> list[str]:
    """Periodic lengths that became whole numbers of node spacings."""
    lumen, said = plan.lumen, []
    for axis in np.flatnonzero(lumen.periodic):
        asked = float(plan.vessel.bounds[1][axis] - plan.vessel.bounds[0][axis])
        taken = lumen.shape[axis] * lumen.spacing
        if abs(taken - asked) > 1e-6 * asked:
            said.append(
                f"the periodic length along {'xyz'[axis]} is {taken * 1e6:.6g} um instead of {asked * 1e6:.6g} um: "
                f"{lumen.shape[axis]} whole node spacings ({taken / asked - 1.0:+.2%})"
            )
    return said


def format_check(report: dict[str, Any]) -> str:
    """The report as text."""
    um, ms = 1e6, 1e3
    vessel = report["vessel"]
    lines = [
        f"case {report['case']}",
        f"  vessel      {', '.join(f'{n} ({role})' for n, role in vessel['openings'].items()) or 'closed or periodic'}; "
        f"lumen {vessel['lumen_volume_m3'] * 1e18:.4g} um^3 on the lattice, {vessel['volume_m3'] * 1e18:.4g} um^3 in the file",
        f"  way         {vessel['length_m'] * um:.4g} um, narrowest {vessel['bottleneck_diameter_m'] * um:.4g} um "
        f"({report['nodes_across_bottleneck']:.1f} nodes), widest {report['nodes_across_lumen']:.1f} nodes across",
        f"  lattice     {report['fluid_nodes']} fluid nodes of {report['node_spacing_m'] * um:.4g} um, {report['precision']}",
        f"  time step   {report['time_step_s']:.4g} s, bound by {report['time_step_bound_by']}; "
        + ", ".join(f"{k} {v:.3g} s" for k, v in sorted(report["time_step_limits_s"].items(), key=lambda kv: kv[1])),
        *_rheology(report),
        f"  relaxation  time {report['relaxation_time']:.4g}, density scale {report['density_scale']:.4g}, "
        f"density change {report['density_change']:.2%}, Mach {report['mach']:.2g}",
        f"  numbers     Re {report['reynolds']:.3g} (physical {report['reynolds_physical']:.3g}), "
        f"{_capillary(report)}La {report['laplace']:.3g}; pressure difference {report['pressure_difference_pa']:.4g} Pa, "
        f"undisturbed speed about {report['speed_estimate_m_s'] * ms:.3g} mm/s",
    ]
    for cell in report["cells"]:
        text = f"  cell        {cell['name']} ({cell['type']}): {cell['diameter_m'] * um:.4g} um, {cell['nodes_across']:.1f} nodes across"
        if cell["laplace_threshold_pa"] > 0:
            text += f", passes the neck above {cell['laplace_threshold_pa']:.4g} Pa (Laplace, spherical caps)"
        lines.append(text)
    lines += [
        f"  run         {report['until_s'] * ms:.4g} ms, {report['steps']} steps, at most about {_duration(report['estimated_seconds'])}; "
        f"memory about {report['memory_bytes'] / 2**20:.0f} MiB",
        *(f"  note        {note}" for note in vessel["notes"]),
        *(f"  warning     {warning}" for warning in report["warnings"]),
    ]
    return "\n".join(lines)


def _rheology(report: dict[str, Any]) -> list[str]:
    """Between which viscosities and relaxation times a fluid is whose viscosity depends on the shear rate."""
    (thin, thick), times = report["viscosities_pa_s"], report["relaxation_times"]
    if thin == thick:
        return []
    return [
        f"  rheology    Carreau-Yasuda: {thick * 1e3:.4g} mPa s at rest (relaxation time {times[1]:.4g}), {thin * 1e3:.4g} mPa s at high "
        f"shear rates ({times[0]:.4g}); {report['viscosity_pa_s'] * 1e3:.4g} mPa s at the estimated wall shear rate is in Re and in "
        f"what follows, {thin * 1e3:.4g} mPa s in the limits of membranes"
    ]


def _capillary(report: dict[str, Any]) -> str:
    """The capillary numbers that a case has, each with what it is made of."""
    said = ""
    if report["capillary"]:
        rate = f"wall shear rate {report['wall_shear_rate_1_s']:.3g} /s"
        said += f"Ca {report['capillary']:.3g} (viscosity x {rate} x radius / shear modulus), "
    if report["capillary_tension"]:
        said += f"Ca_T {report['capillary_tension']:.3g} (viscosity x speed / cortical tension), "
    return said


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
