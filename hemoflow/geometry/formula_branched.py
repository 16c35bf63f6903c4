"""The vessels among the formulas that bend or branch: bifurcation, serpentine, honeycomb."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hemoflow.errors import InputError
from hemoflow.geometry.capsules import CapsuleVessel
from hemoflow.geometry.formula_lathe import CurvedTube
from hemoflow.geometry.vessel import AbstractVessel

Array = NDArray[np.float64]
Values = dict[str, float]
Periodic = tuple[bool, bool, bool]


def bifurcation(values: Values, periodic: Periodic) -> AbstractVessel:
    """A Y of round pipes; openings inlet, outlet (towards -y) and outlet_2 (towards +y).

    Murray's law (cube of the parent's diameter = sum of the cubes of the daughters') gives the daughters' default.
    """
    values.setdefault("daughter_length", values["length"])
    values.setdefault("daughter_diameter", values["diameter"] / 2 ** (1 / 3))
    parent, daughter = values["diameter"], values["daughter_diameter"]
    half = 0.5 * values["angle"]
    for name in ("length", "daughter_length"):
        if values[name] < max(parent, daughter):
            raise InputError(
                f"vessel.{name}: {values[name] * 1e6:.4g} um must be at least the largest diameter "
                f"({max(parent, daughter) * 1e6:.4g} um), or the openings would cut into the branching"
            )
    apart = 2 * values["daughter_length"] * np.sin(half)
    if apart < 1.1 * daughter:
        raise InputError(
            f"vessel.angle: at {np.degrees(2 * half):.4g} deg the daughters' ends lie {apart * 1e6:.4g} um apart, less than "
            f"1.1 daughter diameters ({1.1 * daughter * 1e6:.4g} um): widen the angle or lengthen the daughters"
        )
    branch = np.array([values["length"], 0.0, 0.0])
    tip = values["daughter_length"] * np.array([np.cos(half), np.sin(half), 0.0])
    nodes = np.stack([np.zeros(3), branch, branch + tip, branch + tip * [1.0, -1.0, 1.0]])
    edges = np.array([[0, 1], [1, 2], [1, 3]])
    return CapsuleVessel(
        nodes, edges, 0.5 * np.array([parent, daughter, daughter]), {0: "inlet", 3: "outlet", 2: "outlet_2"}
    )


def serpentine(values: Values, periodic: Periodic) -> AbstractVessel:
    """A tube along y = A cos(2 pi x / wavelength), whose ends face along x. Raises where it bends more sharply than its
    radius: the sharpest bend has the radius wavelength^2 / (4 pi^2 A).
    """
    radius, amplitude, wavelength = 0.5 * values["diameter"], values["amplitude"], values["wavelength"]
    turns = int(values["turns"])
    sharpest = wavelength**2 / (4 * np.pi**2 * amplitude)
    if sharpest <= 1.05 * radius:
        widest = wavelength**2 / (4 * np.pi**2 * 1.05 * radius)
        raise InputError(
            f"vessel.amplitude: {amplitude * 1e6:.4g} um bends the tube with a radius of {sharpest * 1e6:.4g} um, sharper than "
            f"its own ({radius * 1e6:.4g} um); at most {widest * 1e6:.4g} um, or lengthen vessel.wavelength"
        )
    per_wave = max(min(2000, 40000 // turns), 200)
    x = np.arange(per_wave * turns + 1) * (wavelength / per_wave)
    slope = 2 * np.pi * amplitude / wavelength
    # The trapezoidal rule over whole waves converges faster than any power of the number of points.
    arc = float(np.mean(np.hypot(1.0, slope * np.sin(2 * np.pi * x[:per_wave] / wavelength))) * wavelength * turns)
    curve = np.stack([x, amplitude * np.cos(2 * np.pi * x / wavelength), np.zeros_like(x)], axis=1)
    return CurvedTube(curve, arc, radius, periodic[0])


def honeycomb(values: Values, periodic: Periodic) -> AbstractVessel:
    """Pipes along the edges of `rows` x `columns` hexagons, with stubs of one edge length along x for the openings inlet,
    inlet_2, ... and outlet, outlet_2, ..., in the middle rows first.
    """
    edge, diameter = values["edge_length"], values["diameter"]
    rows, columns, inlets = int(values["rows"]), int(values["columns"]), int(values["inlets"])
    if diameter >= edge:
        raise InputError(
            f"vessel.diameter: {diameter * 1e6:.4g} um must be smaller than vessel.edge_length ({edge * 1e6:.4g} um), or the "
            "capillaries flow together: lengthen the edges"
        )
    if inlets > rows:
        raise InputError(f"vessel.inlets: {inlets} must be at most vessel.rows ({rows}), one capillary per row")
    if rows * columns > 10000:
        raise InputError(f"vessel.rows: {rows} x {columns} hexagons are more than 10000")
    nodes, edges, left, right = _lattice(rows, columns)
    chosen = sorted(range(rows), key=lambda row: abs(row - (rows - 1) / 2))[:inlets]
    names: dict[int, str] = {}
    for kind, ends, way in (("inlet", left, -1.0), ("outlet", right, 1.0)):
        for number, row in enumerate(sorted(chosen), start=1):
            names[len(nodes)] = kind if number == 1 else f"{kind}_{number}"
            edges = np.concatenate([edges, [[ends[row], len(nodes)]]])
            nodes = np.concatenate([nodes, nodes[ends[row]][None] + [[way, 0.0, 0.0]]])
    nodes = nodes - [nodes[:, 0].min(), 0.5 * (nodes[:, 1].min() + nodes[:, 1].max()), 0.0]
    return CapsuleVessel(edge * nodes, edges, np.full(len(edges), 0.5 * diameter), names)


def _lattice(rows: int, columns: int) -> tuple[Array, NDArray[np.int64], list[int], list[int]]:
    """Nodes (n, 3) and edges (m, 2) of hexagons of side 1 with two sides along x, odd columns half a row higher; and the
    nodes furthest left and right in each row.
    """
    angle = np.arange(6) * np.pi / 3
    corners = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    column, row = (a.ravel() for a in np.meshgrid(np.arange(columns), np.arange(rows), indexing="ij"))
    centres = np.stack([1.5 * column, np.sqrt(3) * (row + 0.5 * (column % 2))], axis=1)
    everything = (centres[:, None] + corners).reshape(-1, 2)
    _, first, which = np.unique(np.round(everything, 6), axis=0, return_index=True, return_inverse=True)
    corner = which.reshape(-1, 6)
    sides = np.stack([corner, np.roll(corner, -1, axis=1)], axis=2).reshape(-1, 2)
    edges = np.unique(np.sort(sides, axis=1), axis=0)
    nodes = np.concatenate([everything[first], np.zeros((len(first), 1))], axis=1)
    left = [int(corner[np.flatnonzero((column == 0) & (row == k))[0], 3]) for k in range(rows)]
    right = [int(corner[np.flatnonzero((column == columns - 1) & (row == k))[0], 0]) for k in range(rows)]
    return nodes, edges.astype(np.int64), left, right
