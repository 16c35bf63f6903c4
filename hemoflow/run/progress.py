"""Where a run stands, for a person: one line that renews itself in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field

QUIET_INTERVAL = 15.0
"""Seconds between lines where standard error is not a terminal."""


@dataclass
class Progress:
    """Reports to standard error; `nodes` fluid nodes, `until` s of simulated time."""

    nodes: int
    until: float
    shown: bool = True
    _began: float = field(default_factory=time.monotonic)
    _last_line: float = -1e9
    _first_time: float | None = None
    _open_line: bool = False

    def say(self, text: str) -> None:
        """A line of its own."""
        if self.shown:
            self._end_line()
            print(text, file=sys.stderr, flush=True)

    def update(self, now: float, rate: float, cells: str) -> None:
        """Simulated time `now` (s), `rate` in steps per second, and what the cells do."""
        if not self.shown:
            return
        if self._first_time is None:
            self._first_time, self._began = now, time.monotonic()
        elapsed = time.monotonic() - self._began
        done = (now - self._first_time) / max(self.until - self._first_time, 1e-300)
        left = f"{elapsed * (1 - done) / done:.0f} s left at most" if done > 0 else "starting"
        text = f"{now * 1e3:8.3f} of {self.until * 1e3:.4g} ms  {rate:6.0f} steps/s  {rate * self.nodes / 1e6:6.2f} MLUPS  {cells}  {left}"
        if sys.stderr.isatty():
            print(f"\r\x1b[2K{text[:200]}", end="", file=sys.stderr, flush=True)
            self._open_line = True
        elif time.monotonic() - self._last_line > QUIET_INTERVAL:
            print(text, file=sys.stderr, flush=True)
            self._last_line = time.monotonic()

    def _end_line(self) -> None:
        if self._open_line:
            print(file=sys.stderr)
            self._open_line = False
