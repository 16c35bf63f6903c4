"""The native kernels are there wherever they can be compiled, so that no test of them is skipped unnoticed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hemoflow import native

ROOT = Path(__file__).resolve().parents[2]
COMPILERS = ("c++", "g++", "clang++")


@pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="no C++ compiler here")
@pytest.mark.skipif(native.VARIABLE in os.environ or "HEMOFLOW_NATIVE" in os.environ, reason="a tier is asked for")
def test_a_machine_with_a_compiler_uses_the_native_kernels() -> None:
    found = native.status()
    # `python -m pytest` would import the package from the checkout, where nothing is compiled, instead of the installed one.
    assert found.backend == "native", f"{found.why}; tests are run with the pytest command of an installation"


@pytest.mark.skipif(not shutil.which("nvcc") or "HEMOFLOW_NATIVE" in os.environ, reason="no CUDA compiler here")
@pytest.mark.skipif("HEMOFLOW_CUDA" in os.environ, reason="kernels for GPUs are asked for or switched off")
def test_a_machine_with_nvcc_has_kernels_for_gpus_that_load_without_one() -> None:
    assert native.device_report().startswith("compiled by nvcc")
    library = Path(next(iter(native.__path__))) / "kernels_cuda.so"
    assert native.register(library, native.DEVICE_KERNELS, "CUDA", "loaded").hemoflow_oldest_device() >= 70


@pytest.mark.slow
@pytest.mark.skipif(
    not shutil.which("cmake") or not any(map(shutil.which, COMPILERS)), reason="nothing to compile with"
)
@pytest.mark.parametrize("insist, code, said", [("AUTO", 0, "nvcc failed when it was installed"), ("ON", 1, "")])
def test_a_cuda_compiler_that_fails_costs_the_kernels_for_gpus_alone(
    insist: str, code: int, said: str, tmp_path: Path
) -> None:
    settings = os.environ | {"CUDACXX": shutil.which("false") or "", "HEMOFLOW_CUDA": insist}
    configure = ["cmake", "-S", str(ROOT), "-B", str(tmp_path), f"-DPython_EXECUTABLE={sys.executable}"]
    subprocess.run(configure, env=settings, check=True, capture_output=True)
    built = subprocess.run(["cmake", "--build", str(tmp_path), "--target", "kernels_cuda"], capture_output=True)
    assert min(built.returncode, 1) == code
    report = tmp_path / "kernels_cuda.txt"
    assert not said or report.read_text().startswith(said)
