"""The fluid step beside other codes on the same machine, in the same run: periodic box, D3Q19, float32.

    python benchmarks/speed/peers.py [--size 96 160] [--rounds 5] [--lbmpy PYTHON] [--xlb PYTHON]

PYTHON is the interpreter of an environment with that peer (`pip install lbmpy`, `pip install xlb`), since their requirements exclude each
other; a peer whose interpreter is not given is left out. Every code is compiled and warmed up, waits until its results are there
before the clock is read, and takes its turn in every round; medians and their ratios are printed, and written as JSON with `--out`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

SECONDS = 1.0
"""What one turn of a code lasts at least."""


def hemoflow(n: int) -> Callable[[], int]:
    """Two steps of this project's fluid."""
    import equinox as eqx
    import jax
    import jax.numpy as jnp

    from hemoflow.bench.fluid import box_fluid
    from hemoflow.build.fluid import Relaxation
    from hemoflow.fluid.solver import Carried, Fluid, advance, begin, equilibrium_state

    fluid = box_fluid((n, n, n), Relaxation(1.0))
    held = begin(fluid, equilibrium_state(fluid, jnp.zeros(n**3), jnp.zeros((3, n**3))))
    drive = jnp.ones(2)

    # The tables are arguments, as in a run: XLA would write constant ones anew in every step.
    @eqx.filter_jit(donate="all-except-first")
    def steps(fluid: Fluid, held: Carried) -> Carried:
        return jax.lax.fori_loop(0, 10, lambda _, h: advance(fluid, h, drive, None, False)[0], held)

    state = [held]

    def turn() -> int:
        state[0] = jax.block_until_ready(steps(fluid, state[0]))
        return 10

    return turn


def lbmpy(n: int, pattern: str) -> Callable[[], int]:
    """Two steps of lbmpy's generated kernel with OpenMP and vectors, in place (`aa`) or between two lattices (`pull`)."""
    import numpy as np
    import pystencils as ps
    from lbmpy import LBMConfig, LBMOptimisation, LBStencil, Method, Stencil, create_lb_update_rule
    from lbmpy.advanced_streaming import Timestep
    from pystencils.field import create_numpy_array_with_layout, layout_string_to_tuple

    shape = (n + 2, n + 2, n + 2, 19)
    arrays = [
        create_numpy_array_with_layout(shape, layout_string_to_tuple("fzyx", 4), dtype=np.float32) for _ in range(2)
    ]
    for values in arrays:
        values[...] = 0.0
    one, other = (ps.Field.create_from_numpy_array(k, a, index_dimensions=1) for k, a in zip("fg", arrays, strict=True))

    def kernel(when: Timestep) -> Callable[..., None]:
        config = LBMConfig(
            stencil=LBStencil(Stencil.D3Q19), method=Method.TRT, relaxation_rates=[1.0, 0.8], compressible=True,
            zero_centered=True, streaming_pattern=pattern, **({"timestep": when} if pattern == "aa" else {}),
        )  # fmt: skip
        target = {"symbolic_field": one, **({} if pattern == "aa" else {"symbolic_temporary_field": other})}
        rule = create_lb_update_rule(lbm_config=config, lbm_optimisation=LBMOptimisation(**target))
        how = ps.CreateKernelConfig(target=ps.Target.CurrentCPU, default_dtype="float32", ghost_layers=1)
        how.cpu.openmp.enable = True
        how.cpu.vectorize.enable = True
        how.cpu.vectorize.assume_inner_stride_one = True
        return ps.create_kernel(rule, how).compile()

    even = kernel(Timestep.EVEN)
    odd = kernel(Timestep.ODD) if pattern == "aa" else even

    def turn() -> int:
        if pattern == "aa":
            even(f=arrays[0])
            odd(f=arrays[0])
        else:
            even(f=arrays[0], g=arrays[1])
            even(f=arrays[1], g=arrays[0])
        return 2

    return turn


def xlb(n: int) -> Callable[[], int]:
    """Two steps of XLB with its JAX backend."""
    import jax
    import xlb as peer
    from xlb.compute_backend import ComputeBackend
    from xlb.grid import grid_factory
    from xlb.operator.stepper import IncompressibleNavierStokesStepper
    from xlb.precision_policy import PrecisionPolicy

    policy = PrecisionPolicy.FP32FP32
    velocities = peer.velocity_set.D3Q19(precision_policy=policy, compute_backend=ComputeBackend.JAX)
    peer.init(velocity_set=velocities, default_backend=ComputeBackend.JAX, default_precision_policy=policy)
    stepper = IncompressibleNavierStokesStepper(
        grid=grid_factory((n, n, n), compute_backend=ComputeBackend.JAX), boundary_conditions=[], collision_type="BGK"
    )
    f, g, mask, missing = stepper.prepare_fields()
    state = [f, g]

    def turn() -> int:
        for step in range(2):
            f, g = stepper(state[0], state[1], mask, missing, 1.0, step)
            state[:] = [g, f]
        jax.block_until_ready(state)
        return 2

    return turn


CODES: dict[str, Callable[[int], Callable[[], int]]] = {
    "hemoflow": hemoflow,
    "lbmpy aa": lambda n: lbmpy(n, "aa"),
    "lbmpy two-lattice": lambda n: lbmpy(n, "pull"),
    "xlb jax": xlb,
}


def work(name: str, n: int) -> None:
    """A worker: for every line on standard input one turn, answered with its rate in MLUPS."""
    turn = CODES[name](n)
    turn()
    turn()
    print("ready", flush=True)
    for _ in sys.stdin:
        began, steps = time.perf_counter(), 0
        while time.perf_counter() - began < SECONDS:
            steps += turn()
        print("rate", steps * n**3 / (time.perf_counter() - began) * 1e-6, flush=True)


def answer(worker: subprocess.Popen[str], word: str) -> str | None:
    """The rest of the next line that begins with a word, past the banners that libraries print; None where the worker has ended."""
    assert worker.stdout is not None
    for line in worker.stdout:
        if line.split(maxsplit=1)[:1] == [word]:
            return line[len(word) :].strip()
    return None


def compare(n: int, rounds: int, interpreters: dict[str, str]) -> dict[str, list[float]]:
    """Rates of every code in every round, MLUPS."""
    command = [str(Path(__file__).resolve()), "--worker"]
    workers = {
        name: subprocess.Popen(
            [python, *command, name, str(n)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for name, python in interpreters.items()
    }
    rates: dict[str, list[float]] = {name: [] for name in workers}
    for name, worker in workers.items():
        if answer(worker, "ready") is None:
            for other in workers.values():
                other.kill()
            raise SystemExit(f"{name} did not start with {interpreters[name]}")
    for _ in range(rounds):
        for name, worker in workers.items():
            assert worker.stdin is not None
            worker.stdin.write("\n")
            worker.stdin.flush()
            rates[name].append(float(answer(worker, "rate") or "nan"))
    for worker in workers.values():
        worker.communicate()
    return rates


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, nargs="+", default=[96, 160])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lbmpy", default="")
    parser.add_argument("--xlb", default="")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.worker:
        work(args.worker[0], int(args.worker[1]))
        return
    given = {"hemoflow": sys.executable, "lbmpy aa": args.lbmpy, "lbmpy two-lattice": args.lbmpy, "xlb jax": args.xlb}
    results = []
    for n in args.size:
        rates = compare(n, args.rounds, {name: python for name, python in given.items() if python})
        ours = statistics.median(rates["hemoflow"])
        for name, values in rates.items():
            middle = statistics.median(values)
            print(
                f"{n}^3  {name:18s}{middle:8.1f} MLUPS  ({min(values):.1f} to {max(values):.1f})  ours {ours / middle:.2f} times that"
            )
        results.append({"size": n, "mlups": rates})
    if args.out:
        args.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
