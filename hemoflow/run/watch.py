"""What happens to each cell: entry, pause, arrest, release, exit, leaving; and whether all that a run waits for has happened."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from hemoflow.run.places import Place

STALL_SPEED = 0.02
"""Speed over the undisturbed one below which a cell pauses."""

DRIVEN = 0.2
"""Share of the largest drive below which nothing is said about motion: a cell stands still as the flow turns round, stuck or not."""

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
    left: bool = False
    start: float | None = None

    @property
    def away(self) -> bool:
        """Whether the cell has left, at the vessel's end or by an inlet."""
        return self.passed or self.left

    def update(self, time: float, place: Place, speed: float, drive: float = 1.0) -> list[tuple[str, str]]:
        """Events (kind, why) of the cell at `time`, at a place and with a speed (m/s), while the drive is at a share of
        its largest."""
        self.start = place.path if self.start is None else self.start
        events = self._squeeze(place) + (self._motion(time, place, speed / drive) if drive >= DRIVEN else [])
        margin = PASSED_RADII * self.radius
        # A cell may be seeded at the inlet itself: it leaves there only once it has come back.
        if not self.away and place.back < margin and place.path < self.start - margin:
            self.left = True
            events.append(("left", f"back through the opening '{place.inlet}'"))
        if not self.away and place.front < margin and abs(place.path) > self.radius:
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
    """Why the run may end now, or None: every cell has left, or none that is still there moves."""
    if not watches or not stop_when:
        return None
    if "passed" in stop_when and all(w.away for w in watches):
        return "passed"
    if "stalled" in stop_when and all(w.stalled or w.away for w in watches) and any(w.stalled for w in watches):
        return "stalled"
    return None
