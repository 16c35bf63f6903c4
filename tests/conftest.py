"""Shared set-up of the tests: double precision, and which tests this machine can run."""

from __future__ import annotations

import importlib.util
import os
import shutil

# Before any import of jax: laws are checked in double precision; tests about float32 ask for it by dtype.
os.environ.setdefault("JAX_ENABLE_X64", "1")

import pytest


def _gpu_present() -> bool:
    import jax

    return any(device.platform == "gpu" for device in jax.devices())


def _missing(item: pytest.Item) -> str | None:
    """The reason why this machine cannot run the test, or None."""
    if item.get_closest_marker("gpu") and not _gpu_present():
        return "JAX sees no GPU"
    if item.get_closest_marker("vtk") and importlib.util.find_spec("vtk") is None:
        return "the vtk package is not installed (pip install 'hemoflow[viz]')"
    if item.get_closest_marker("paraview") and shutil.which("pvpython") is None:
        return "ParaView's pvpython is not installed"
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    slow_asked = os.environ.get("HEMOFLOW_SLOW") == "1" or "slow" in str(config.getoption("-m"))
    for item in items:
        reason = _missing(item)
        if reason is None and item.get_closest_marker("slow") and not slow_asked:
            reason = "slow; run with HEMOFLOW_SLOW=1 or -m slow"
        if reason is not None:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture(autouse=True)
def _double_precision():
    """Every test starts in double precision, whatever an earlier one set."""
    import jax

    jax.config.update("jax_enable_x64", True)
    yield
