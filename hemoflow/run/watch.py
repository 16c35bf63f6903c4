"""What happens to each cell: entry, pause, arrest, release, exit, leaving; and whether all that a run waits for has happened."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hemoflow.run.places import Place

STALL_SPEED = 0.02
"""Speed over the undisturbed one below which a cell pauses."""

STALL_TIME = 10.0
"""Cell diameters over undisturbed speed after which a pause is a stall."""

PASSED_RADII = 0.3
"""A cell has passed when its foremost vertex is this many radii from the outlet, or from the end of a period."""


@dataclass
class Watch:
    """History of one cell that decides about events; times in s."""

    who: str
    radius: float
    squeezed: bool = False
    paused_since: float | None = None
    stalled: bool = False
    passed: bool = False
    gone: bool = False

    def update(self, time: float, place: Place, speed: float) -> list[tuple[str, str]]:
        """Events (kind, why) of the cell at `time`, at a place and with a speed (m/s)."""
        events = self._squeeze(place) + self._motion(time, place, speed)
        if not self.passed and place.front < PASSED_RADII * self.radius and abs(place.path) > self.radius:
            self.passed = True
            events.append(("passed", "reached the end of the vessel"))
        return events

    def _squeeze(self, place: Place) -> list[tuple[str, str]]:
        tight = place.lumen < self.radius
        if tight == self.squeezed:
            return []
        self.squeezed = tight
        ratio = self.radius / place.lumen if place.lumen > 0 else float("inf")
        kind = "entry" if tight else "exit"
        return [(kind, f"lumen {'narrower' if tight else 'wider'} than the cell, diameter ratio {ratio:.3f}")]

    def _motion(self, time: float, place: Place, speed: float) -> list[tuple[str, str]]:
        slow = speed < STALL_SPEED * place.speed
        if not slow:
            moving_again = self.paused_since is not None
            was, self.stalled, self.paused_since = self.stalled, False, None
            return [("release", "moves again after " + ("an arrest" if was else "a pause"))] if moving_again else []
        if self.paused_since is None:
            self.paused_since = time
            return [("pause", f"slower than {STALL_SPEED:g} of the undisturbed speed {place.speed:.3g} m/s")]
        if not self.stalled and time - self.paused_since >= STALL_TIME * 2.0 * self.radius / place.speed:
            self.stalled = True
            return [
                (
                    "arrest",
                    f"has not moved for {STALL_TIME:g} diameters of undisturbed flow, {time - self.paused_since:.3g} s",
                )
            ]
        return []

    def record(self) -> dict[str, Any]:
        """Plain data for a checkpoint."""
        return asdict(self)


def finished(watches: list[Watch], stop_when: tuple[str, ...]) -> str | None:
    """Why the run may end now, or None: every cell has passed, or none that has not passed still moves."""
    if not watches or not stop_when:
        return None
    if "passed" in stop_when and all(w.passed for w in watches):
        return "passed"
    if "stalled" in stop_when and all(w.stalled or w.passed for w in watches) and any(w.stalled for w in watches):
        return "stalled"
    return None
