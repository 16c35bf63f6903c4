"""Straight tubes in any direction, cut at both ends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from hemoflow.geometry.vessel import AbstractVessel, Opening


class TurnedTube(AbstractVessel):
    """A tube around the origin along `axis`, from inlet to outlet."""

    def __init__(self, radius: float, length: float, axis: tuple[float, float, float]) -> None:
        self.radius, self.length = radius, length
        self.axis = np.asarray(axis, float) / np.linalg.norm(axis)
        reach = 0.5 * length * np.abs(self.axis) + radius * np.sqrt(1.0 - self.axis**2)
        self.bounds = np.stack([-reach, reach])
        self.description = {}
        area = np.pi * radius**2
        ends = (("inlet", -1.0), ("outlet", 1.0))
        self.openings = tuple(Opening(n, 0.5 * s * length * self.axis, s * self.axis, radius, area) for n, s in ends)

    @property
    def volume(self) -> float:
        return np.pi * self.radius**2 * self.length

    def signed_distance(self, points: np.ndarray) -> np.ndarray:
        along = points @ self.axis
        away = np.abs(self.radius - np.linalg.norm(points - along[:, None] * self.axis, axis=1))
        radial = np.linalg.norm(points - along[:, None] * self.axis, axis=1)
        inside = (radial < self.radius) & (np.abs(along) < 0.5 * self.length)
        return np.where(inside, -away, away)

    def surface(self) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((0, 3)), np.zeros((0, 3), np.int64)


@pytest.fixture
def turned_tube() -> Callable[[float, float, tuple[float, float, float]], TurnedTube]:
    """radius, length, axis -> tube."""
    return TurnedTube
