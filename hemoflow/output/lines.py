"""Writing events.csv and log.jsonl: one line per record, every line whole."""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hemoflow.output.disk import append_line, end_at_whole_line, replace_text, writing
from hemoflow.output.layout import EVENT_COLUMNS, EVENTS, LOG

_FORMULA = ("=", "+", "-", "@", "\t")  # a spreadsheet would compute a text that starts with one of these


class _LineFile:
    """A text file with `header` lines (0 or 1) and one record per line; an existing one is continued."""

    def __init__(self, path: Path, header: str = "") -> None:
        self.path = path
        self._header = 1 if header else 0
        if not path.exists() or not path.stat().st_size:
            replace_text(path, header + "\n" if header else "")
        end_at_whole_line(path)
        with writing(path), open(path, "rb") as file:
            self.count = max(0, sum(1 for _ in file) - self._header)

    def _add(self, line: str) -> None:
        append_line(self.path, line)
        self.count += 1

    def truncate(self, count: int) -> None:
        """Keep the first `count` records (fewer if there are fewer)."""
        if count >= self.count:
            return
        with writing(self.path), open(self.path, "rb+") as file:
            for _ in range(self._header + count):
                file.readline()
            file.truncate(file.tell())
            os.fsync(file.fileno())
        self.count = count

    def _keep_until(self, time: float, times: Sequence[float | None]) -> None:
        """Keep the records before the first whose time (s) is later."""
        late = [k for k, t in enumerate(times) if t is not None and t > time * (1 + 1e-12)]
        if late:
            self.truncate(late[0])


class EventsWriter(_LineFile):
    """Appends rows to events.csv of a run folder: time_s, kind, who, where_x_m, where_y_m, where_z_m, why."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(Path(folder) / EVENTS, ",".join(EVENT_COLUMNS))

    def append(self, time: float, kind: str, who: str, where: Sequence[float] | None = None, why: str = "") -> None:
        """Add an event at `time` (s) and place `where` (3,) m (None: nowhere). Line breaks in texts become blanks; a
        text that a spreadsheet would take for a formula gets an apostrophe before it. Raises RunError when the disk
        fails."""
        place = ["" if where is None else _number(x) for x in (where if where is not None else (0, 0, 0))]
        row = [_number(time), _text(kind), _text(who), *place, _text(why)]
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow(row)
        self._add(line.getvalue())

    def rewind(self, time: float) -> None:
        """Keep the events at or before `time` (s)."""
        with open(self.path, newline="", encoding="utf-8") as file:
            self._keep_until(time, [float(row["time_s"]) for row in csv.DictReader(file)])


class LogWriter(_LineFile):
    """Appends records to log.jsonl of a run folder, one JSON object per line."""

    def __init__(self, folder: str | Path) -> None:
        super().__init__(Path(folder) / LOG)

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a record (give it a "time" in s, so that `rewind` knows it); numbers that are not finite are written as
        null.

        Raises RunError when the disk fails.
        """
        self._add(json.dumps(plain(record), allow_nan=False, ensure_ascii=False))

    def rewind(self, time: float) -> None:
        """Keep the records up to the last at or before `time` (s)."""
        with open(self.path, encoding="utf-8") as file:
            self._keep_until(time, [json.loads(line).get("time") for line in file])


def plain(value: Any) -> Any:
    """The same structure in JSON's own types; numbers that are not finite become None."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(inner) for inner in value]
    if isinstance(value, bool | int | str) or value is None:
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if hasattr(value, "__array__"):
        return plain(np.asarray(value).tolist())
    return str(value)


def _number(value: Any) -> str:
    number = float(value)
    return repr(number) if math.isfinite(number) else ""


def _text(value: Any) -> str:
    text = " ".join(str(value).split())
    return f"'{text}" if text.startswith(_FORMULA) else text
