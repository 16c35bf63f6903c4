"""Running: compiled chunks, health, checkpoints, files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hemoflow.case import Case

Device = str | tuple[str, int | None]


def run_case(
    case_file: str | Path,
    folder: str | Path,
    overrides: Sequence[str] = (),
    device: Device = "auto",
    until: str | None = None,
    progress: bool = True,
) -> int:
    """Run a case file in a folder, or go on where an unfinished run of the same case stopped.

    `overrides` are "key.path=value" texts; `until` a time with its unit; `device` a kind (auto, cpu, gpu), or that
    and how many of it share the lumen; returns 0 when the run ended and 75 when it
    stopped early and can be resumed (asked to stop while it is planned, it leaves the folder as it was). Raises
    InputError for a case that cannot run and RunError for one that fails.
    """
    from hemoflow.case import read_case

    given = [*overrides, *([f"run.until={until}"] if until else [])]
    return _run(lambda: read_case(case_file, given), Path(folder), device, progress)


def resume(folder: str | Path, until: str | None = None, device: Device = "auto", progress: bool = True) -> int:
    """Continue the run in a folder from its newest sound checkpoint, on as many devices as before or other ones; a finished run is
    left as it is. Returns as `run_case`."""
    from hemoflow.case import read_case
    from hemoflow.errors import InputError
    from hemoflow.output.folder import RunFolder

    with RunFolder.open(folder) as seen:
        case = read_case(seen.case, [f"run.until={until}"] if until else [])
        if not seen.checkpoints():
            raise InputError(f"{folder}: no checkpoint to go on from; start it with hemoflow run")
    return _run(lambda: case, Path(folder), device, progress)


def _run(read: Callable[[], Case], folder: Path, device: Device, progress: bool) -> int:
    """Run the case that `read` gives in a folder; one that is asked to stop before its first step leaves no trace."""
    from hemoflow.run.stopping import NotBegun, StopRequest

    with StopRequest() as stop:
        try:
            from hemoflow.case import case_text
            from hemoflow.output.folder import RunFolder
            from hemoflow.parallel.processes import agreed, join, leads
            from hemoflow.run.choice import on_device
            from hemoflow.run.session import Session

            stop.plan()
            join()
            case = read()
            kind, count = (device, None) if isinstance(device, str) else device
            with (
                on_device(kind, case.resolution.precision, count) as devices,
                agreed(lambda: RunFolder.create(folder, case_text(case)) if leads() else RunFolder(folder)) as taken,
            ):
                return Session(taken, case, progress and leads(), stop, devices=devices).run()
        except NotBegun:
            return 75
