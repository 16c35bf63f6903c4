"""Requests to stop from outside: while a run is planned they end it at once, later a flag that the loop acts on between chunks."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)


class NotBegun(BaseException):
    """A run was asked to stop before there was anything to keep. No Exception: whatever recovers from those must let it through."""


class StopRequest:
    """While active, TERM, INT and USR1 set `name`, and from `plan` to `begin` they raise `NotBegun` too; a second INT
    interrupts at once. Handlers of before come back on leaving."""

    def __init__(self) -> None:
        self.name: str | None = None
        self._planning = False
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> StopRequest:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def plan(self) -> None:
        """From here on a request ends the run at once. Not earlier: modules that are loaded meanwhile may crash on it."""
        self._planning = True
        self._check()

    def begin(self) -> None:
        """From here on there is something to save, so requests wait for the loop."""
        self._planning = False
        self._check()  # what is raised within a callback gets lost

    def _check(self) -> None:
        if self.name is not None:
            raise NotBegun

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.name is not None and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.name = signal.Signals(number).name
        if self._planning:
            raise NotBegun
