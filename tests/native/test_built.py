"""The native kernels are there wherever they can be compiled, so that no test of them is skipped unnoticed."""

from __future__ import annotations

import os
import shutil

import pytest

from hemoflow import native

COMPILERS = ("c++", "g++", "clang++")


@pytest.mark.skipif(not any(map(shutil.which, COMPILERS)), reason="no C++ compiler here")
@pytest.mark.skipif(native.VARIABLE in os.environ or "HEMOFLOW_NATIVE" in os.environ, reason="a tier is asked for")
def test_a_machine_with_a_compiler_uses_the_native_kernels() -> None:
    found = native.status()
    # `python -m pytest` would import the package from the checkout, where nothing is compiled, instead of the installed one.
    assert found.backend == "native", f"{found.why}; tests are run with the pytest command of an installation"
