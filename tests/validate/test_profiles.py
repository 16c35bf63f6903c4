"""Curves that the profile tables hold: the lid-driven cavity and oscillating flow, at parameters that no table lists."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow import resources
from hemoflow.validate import cavity, womersley
from hemoflow.validate.find import find_runner, load_runners
from hemoflow.validate.record import Settings
from hemoflow.validate.table import read_table

QUICK = Settings(quick=True)
PLACES = np.linspace(0.0, 1.0, 11)
WORDS = ",".join(map(repr, PLACES.tolist()))


def exact(alpha: float, shape: str) -> np.ndarray:
    """Complex amplitude over the steady middle velocity (Womersley 1955; Landau and Lifshitz, section 24)."""
    from scipy.special import jv

    if shape == "slit":
        k = np.sqrt(1j) * alpha
        return 2.0 / (1j * alpha**2) * (1.0 - np.cosh(k * PLACES) / np.cosh(k))
    k = 1j**1.5 * alpha
    return 4.0 / (1j * alpha**2) * (1.0 - jv(0, k * PLACES) / jv(0, k))


@pytest.mark.parametrize(("alpha", "shape"), [(2.5, "pipe"), (7.0, "slit"), (0.5, "slit")])
def test_an_oscillating_flow_has_the_amplitude_and_phase_of_its_womersley_number(alpha: float, shape: str) -> None:
    params = {"shape": shape, "alpha": str(alpha), "r_over_R": WORDS}
    known = exact(alpha, shape)
    amplitude = womersley.RUNNERS["womersley", "amplitude"](params, QUICK).value
    phase = womersley.RUNNERS["womersley", "phase_deg"](params, QUICK).value
    assert amplitude == pytest.approx(np.abs(known), abs=0.005 * np.abs(known).max())
    # In degrees; the wall, which does not move, has none.
    assert phase[:-1] == pytest.approx(np.angle(known, deg=True)[:-1], abs=1.0)


def test_a_slow_lid_turns_the_cavity_over_without_a_preferred_side() -> None:
    fine = ",".join(map(repr, np.linspace(0.0, 1.0, 41).tolist()))
    u = np.array(cavity.RUNNERS["cavity", "u"]({"Re": "0.5", "N": "33", "y": fine}, QUICK).value)
    v = np.array(cavity.RUNNERS["cavity", "v"]({"Re": "0.5", "N": "33", "x": fine}, QUICK).value)
    assert u[0] == pytest.approx(0.0, abs=1e-12) and u[-1] == pytest.approx(1.0)
    # Creeping flow is the same forwards and backwards: v is odd about the middle.
    assert v == pytest.approx(-v[::-1], abs=2e-3) and v.max() > 0.1


def test_a_faster_lid_gives_the_centre_lines_of_ghia() -> None:
    for row in read_table(resources.data_folder("reference") / "profile_ghia_Re100.csv").rows:
        assert row.abscissa is not None
        name, points = row.abscissa
        params = {"Re": "100", "N": "65", name: ",".join(map(repr, points))}
        # The table allows 0.02 on 65 x 65 points.
        assert cavity.RUNNERS["cavity", row.quantity](params, QUICK).value == pytest.approx(row.value, abs=0.02)


def test_every_profile_of_flow_has_a_runner() -> None:
    runners = load_runners()
    for name in ("profile_ghia_Re100", "profile_ghia_Re1000", "profile_womersley_pipe_alpha4"):
        rows = read_table(resources.data_folder("reference") / f"{name}.csv").rows
        assert len(rows) == 2
        assert all(find_runner(row, runners) is not None for row in rows)
