#!/usr/bin/env bash
# Everything a GPU machine can tell in one go, without network and in under 8 minutes: the device tests, the speed of both tiers, the quickstart.
# usage: bash benchmarks/device.sh [WHEEL_FOLDER]
# Needs an NVIDIA GPU, Python >= 3.11 with a CUDA-enabled jax, and the other dependencies installed or as wheels in WHEEL_FOLDER.
# The kernels for GPUs are compiled there, by its nvcc, or come in a wheel of the project in WHEEL_FOLDER (made where there is one).
# Prints one table and writes benchmarks/speed/results/<date>_<gpu>.json (into $OUT as well where that is set).
set -uo pipefail

repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$repo" || exit 2
wheels=${1:-}
python=${PYTHON:-python3}
site=$(mktemp -d)
work=$(mktemp -d)
trap 'rm -rf "$site" "$work"' EXIT
export PYTHONPATH="$site" PYTHONUNBUFFERED=1 MPLBACKEND=Agg XLA_PYTHON_CLIENT_PREALLOCATE=false
export JAX_COMPILATION_CACHE_DIR="$work/cache" HEMOFLOW_STAGES="$work/stages"
: > "$HEMOFLOW_STAGES"

nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || { echo "no NVIDIA GPU here" >&2; exit 2; }

# the dependencies that this machine lacks come from the wheels; the project from its source tree; jax stays the machine's own
if [ -n "$wheels" ]; then
  "$python" -m pip install -q --no-index --no-deps --no-compile --target "$site" "$wheels"/*.whl || exit 2
fi
ls "$wheels"/hemoflow-*.whl > /dev/null 2>&1 ||
"$python" -m pip install -q --no-index --no-deps --no-build-isolation --no-compile --target "$site" "$repo" 2> "$work/install.log" ||
  {
    echo "pip could not build the project here; it runs from the source tree"; tail -n 3 "$work/install.log"
    export PYTHONPATH="$site:$repo"
    { cmake -S "$repo" -B "$work/build" -DPython_EXECUTABLE="$(command -v "$python")" && cmake --build "$work/build" -j 8 &&
      cp "$work/build"/kernels*.so "$work/build/kernels_cuda.txt" "$repo/hemoflow/native/"; } > "$work/build.log" 2>&1 || tail -n 5 "$work/build.log"
  }
"$python" - <<'P' || exit 2
import jax, hemoflow.cli
assert any(d.platform == "gpu" for d in jax.devices()), "jax sees no GPU"
print("jax", jax.__version__, jax.devices())
P
"$python" -P -m hemoflow info

stage() { # stage NAME LIMIT_S COMMAND...: runs it, keeps the log, notes name, exit code and seconds
  local name=$1 limit=$2 code start
  shift 2
  start=$(date +%s.%N)
  timeout "$limit" "$@" > "$work/$name.log" 2>&1
  code=$?
  printf '%s\t%s\t%s\n' "$name" "$code" "$(echo "$(date +%s.%N) $start" | awk '{print $1 - $2}')" >> "$HEMOFLOW_STAGES"
  [ $code -eq 0 ] || { echo "== $name ended with $code"; tail -n 15 "$work/$name.log"; }
}

case_file=runs/quickstart/case.toml
stage device-tests 200 "$python" -P -m pytest -q -m gpu -p no:cacheprovider
for tier in jax native; do
  export HEMOFLOW_BACKEND=$tier
  stage "bench-box-$tier" 100 "$python" -P -m hemoflow bench fluid-box --size 256 --steps 200 --json
  stage "bench-vessel-$tier" 60 "$python" -P -m hemoflow bench fluid-vessel --size 200 --steps 1000 --json
  stage "bench-cells-$tier" 60 "$python" -P -m hemoflow bench cells-40 --json
  unset HEMOFLOW_BACKEND
done
stage quickstart 200 "$python" -P -m hemoflow run "$case_file" --out "$work/quickstart" --device gpu --quiet
stage validate-ducts 60 "$python" -P -m hemoflow validate flow_ducts --quick --json
[ -n "${OUT:-}" ] && cp "$work"/*.log "$OUT"/ && [ -f "$work/quickstart/score.json" ] && cp "$work/quickstart/score.json" "$OUT"/

"$python" -P benchmarks/device_table.py "$work"
status=$?
[ -n "${OUT:-}" ] && cp benchmarks/speed/results/*.json "$OUT"/ 2> /dev/null
exit $status
