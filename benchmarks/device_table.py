"""Measures the fluid alone, gathers what `device.sh` ran, prints one table and writes it to benchmarks/speed/results/."""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "speed" / "results"


def fluid_box(size: int, steps: int) -> dict[str, Any]:
    """Node updates per second of a periodic box of size^3 nodes in float32, compiled before the clock starts."""
    import jax
    import numpy as np

    from hemoflow.build.fluid import Relaxation
    from hemoflow.geometry.formula import make_vessel
    from hemoflow.validate.flow_cases import fluid_case

    side = size * 1e-6
    vessel = make_vessel("box", length=side, width=side, height=side, periodic=("x", "y", "z"))
    force = np.array([1e-6, 0.0, 0.0])
    case = fluid_case(vessel, 1e-6, Relaxation(tau=1.0), force)
    start = time.perf_counter()
    case.advance(1)
    jax.block_until_ready(case.velocity)
    compiled = time.perf_counter()
    case.advance(steps)
    jax.block_until_ready(case.velocity)
    seconds = time.perf_counter() - compiled
    nodes = len(case.lumen.nodes)
    return {
        "name": "fluid-box",
        "nodes": nodes,
        "steps": steps,
        "seconds": seconds,
        "mlups": nodes * steps / seconds / 1e6,
    } | {"compile_seconds": compiled - start}


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
        last = "" if name.startswith("validate") or not log else log[-1][:100]
        rows.append({"name": name, "exit_code": int(code), "seconds": float(seconds), "last_line": last})
    return rows


def main() -> int:
    """Writes the record and prints the table; 1 when anything that was run had failed."""
    import jax
    import jaxlib

    work = Path(sys.argv[1])
    record: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "device": device(),
        "python": platform.python_version(),
        "jax": jax.__version__,
        "jaxlib": jaxlib.__version__,
        "commit": os.environ.get("HEMOFLOW_COMMIT", ""),
        "stages": stages(work),
        "bench": [],
    }
    try:
        record["bench"] = [fluid_box(size, steps) for size, steps in ((64, 400), (128, 400), (192, 200))]
    except Exception as error:  # a benchmark that cannot run is a row of the table, not the end of the others
        record["bench_error"] = f"{type(error).__name__}: {error}"
    RESULTS.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9]+", "-", record["device"]).strip("-").lower()
    path = RESULTS / f"{record['date'][:10]}_{name}.json"
    path.write_text(json.dumps(record, indent=2) + "\n")
    print(f"\n{record['device']}, jax {record['jax']}, Python {record['python']}")
    print(f"{'what':<18}{'exit':>5}{'seconds':>10}  result")
    for row in record["stages"]:
        print(f"{row['name']:<18}{row['exit_code']:>5}{row['seconds']:>10.1f}  {row['last_line']}")
    for row in record["bench"]:
        print(f"{row['name']:<18}{0:>5}{row['seconds']:>10.2f}  {row['nodes']} nodes, {row['mlups']:.0f} MLUPS")
    print(record.get("bench_error", f"written to {path.name}"))
    return int(any(row["exit_code"] for row in record["stages"]) or "bench_error" in record)


if __name__ == "__main__":
    sys.exit(main())
