"""Gathers what `device.sh` ran, prints one table and writes it to benchmarks/speed/results/."""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "speed" / "results"


def device() -> str:
    """Name of the GPU."""
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    return subprocess.run(query, capture_output=True, text=True, check=True).stdout.strip().splitlines()[0]


def stages(work: Path) -> list[dict[str, Any]]:
    """What `device.sh` ran: name, exit code, seconds, last line of the log."""
    rows = []
    for line in Path(os.environ["HEMOFLOW_STAGES"]).read_text().splitlines():
        name, code, seconds = line.split("\t")
        log = (work / f"{name}.log").read_text(errors="replace").strip().splitlines()
        last = "" if name.startswith(("validate", "bench")) or not log else log[-1][:100]
        rows.append({"name": name, "exit_code": int(code), "seconds": float(seconds), "last_line": last})
    return rows


def speeds(work: Path) -> list[dict[str, Any]]:
    """The records of `hemoflow bench`, of both tiers; a benchmark that failed has none."""
    found: list[dict[str, Any]] = []
    for log in sorted(work.glob("bench-*.log")):
        text = log.read_text(errors="replace")
        with contextlib.suppress(json.JSONDecodeError):
            found += json.loads(text[text.find("[\n") :])
    return found


def main() -> int:
    """Writes the record and prints the table; 1 when anything that was run had failed."""
    import jax
    import jaxlib

    from hemoflow.info import describe

    work = Path(sys.argv[1])
    record: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "device": device(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "commit": os.environ.get("HEMOFLOW_COMMIT", ""),
        "stages": stages(work),
        "kernels": describe()["native_kernels"],
        "bench": speeds(work),
    }
    RESULTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9]+", "-", record["device"]).strip("-").lower()
    path = RESULTS / f"{record['date'][:10]}_{name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    print(f"\n{record['device']}, jax {record['jax']}, Python {record['python']}")
    print(f"{'what':<18}{'exit':>5}{'seconds':>10}  result")
    for row in record["stages"]:
        print(f"{row['name']:<18}{row['exit_code']:>5}{row['seconds']:>10.1f}  {row['last_line']}")
    for row in record["bench"]:
        share = f"{row['roofline_fraction']:.0%} of the limit by copy bandwidth"
        print(
            f"{row['name'] + ', ' + row['backend']:<23}{row['seconds']:>10.2f}  {row['nodes']} nodes, {row['mlups']:.0f} MLUPS, {share}"
        )
    print(f"written to {path.name}")
    return int(any(row["exit_code"] for row in record["stages"]))


if __name__ == "__main__":
    sys.exit(main())
