"""The ellipsoid with the moments of inertia of the body inside a surface: extent, Taylor deformation, inclination."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ellipsoid:
    """`centre` (3,), `semi_axes` (3,) from long to short, `directions` (3, 3): row k is the unit vector of axis k."""

    centre: Floats
    semi_axes: Floats
    directions: Floats


def inertia_ellipsoid(vertices: ArrayLike, faces: ArrayLike) -> Ellipsoid:
    """The ellipsoid whose volume, centroid and second moments are those of the enclosed body.

    The integral of x x over the body is summed exactly over the tetrahedra between each face and the centre, so it
    depends far less on where single vertices lie than the largest and smallest radius do.
    """
    x = np.asarray(vertices, dtype=np.float64)
    origin = x.mean(axis=0)
    a, b, c = np.moveaxis((x - origin)[np.asarray(faces)], 1, 0)
    six = np.einsum("fi,fi->f", a, np.cross(b, c))
    total = six.sum() / 6.0
    corner_sum = a + b + c
    centroid = (six @ corner_sum) / (24.0 * total)
    second = sum(np.einsum("f,fi,fj->ij", six, p, p) for p in (a, b, c, corner_sum)) / 120.0
    covariance = second / total - np.outer(centroid, centroid)
    values, vectors = np.linalg.eigh(covariance)
    return Ellipsoid(centroid + origin, np.sqrt(5.0 * np.maximum(values[::-1], 0.0)), vectors.T[::-1])


def taylor_deformation(vertices: ArrayLike, faces: ArrayLike) -> float:
    """D = (L - S)/(L + S) with the longest and the shortest semi-axis of the inertia ellipsoid."""
    axes = inertia_ellipsoid(vertices, faces).semi_axes
    return float((axes[0] - axes[-1]) / (axes[0] + axes[-1]))


def deformation_in_plane(
    vertices: ArrayLike, faces: ArrayLike, flow_axis: int = 0, gradient_axis: int = 1
) -> tuple[float, float]:
    """Taylor deformation in the shear plane and the angle (radian, -pi/2 to pi/2) of the long axis from the flow axis.

    The section of the inertia ellipsoid by the plane of flow and gradient through its centre is an ellipse; its
    semi-axes give D = (L - B)/(L + B). A circle has no direction: the angle is then meaningless.
    """
    body = inertia_ellipsoid(vertices, faces)
    quadric = (body.directions.T / body.semi_axes**2) @ body.directions
    plane = [flow_axis, gradient_axis]
    values, vectors = np.linalg.eigh(quadric[np.ix_(plane, plane)])
    long, short = 1.0 / np.sqrt(values)
    angle = math.atan2(vectors[1, 0], vectors[0, 0])
    angle -= math.pi * round(angle / math.pi)
    return float((long - short) / (long + short)), angle
