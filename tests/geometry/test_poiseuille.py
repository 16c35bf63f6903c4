"""The 0-D flow agrees with what can be worked out on paper."""

from __future__ import annotations

import numpy as np
import pytest

from hemoflow.errors import InputError
from hemoflow.geometry.network_record import BoundaryCondition, Network
from hemoflow.geometry.poiseuille import conductances, solve_poiseuille
from hemoflow.geometry.pries import InVivoViscosity, in_vivo_viscosity

MU = 1.2e-3

# Rounding only: the equations are linear and the systems tiny.
EXACT = 1e-9


def network(edges: list[tuple[str, str, float, float]], conditions: dict[str, tuple[str, float]]) -> Network:
    """A network without coordinates from (from, to, diameter um, length um) and {node: (kind, value)}."""
    names = tuple(dict.fromkeys(n for a, b, _, _ in edges for n in (a, b)))
    return Network(
        node_names=names,
        positions=None,
        edge_names=tuple(str(k) for k in range(len(edges))),
        edges=np.array([(names.index(a), names.index(b)) for a, b, _, _ in edges]),
        radii=np.array([(d / 2, d / 2) for _, _, d, _ in edges]) * 1e-6,
        lengths=np.array([length for *_, length in edges]) * 1e-6,
        boundary=tuple(BoundaryCondition(n, kind, value) for n, (kind, value) in conditions.items()),
        source="test network",
    )


def resistance(diameter: float, length: float) -> float:
    """Hagen-Poiseuille resistance of a tube in Pa s/m^3; sizes in um."""
    return 128 * MU * length * 1e-6 / (np.pi * (diameter * 1e-6) ** 4)


def test_resistances_in_series_add():
    net = network([("a", "b", 8, 100), ("b", "c", 6, 50)], {"a": ("pressure", 300), "c": ("pressure", 100)})
    flow = solve_poiseuille(net, MU)
    expected = 200 / (resistance(8, 100) + resistance(6, 50))
    assert flow.flows == pytest.approx([expected, expected], rel=EXACT)
    assert flow.pressures[1] == pytest.approx(300 - expected * resistance(8, 100), rel=EXACT)


def test_conductances_in_parallel_add():
    net = network([("a", "b", 8, 100), ("a", "b", 6, 50)], {"a": ("pressure", 200), "b": ("pressure", 0)})
    flow = solve_poiseuille(net, MU)
    assert flow.flows == pytest.approx([200 / resistance(8, 100), 200 / resistance(6, 50)], rel=EXACT)


def test_a_bifurcation_shares_the_flow_as_its_branches_allow():
    # 10 um x 50 um into 8 um x 60 um and 6 um x 80 um at 500 Pa; values of the reference table flow_networks, case O-F11a.
    net = network(
        [("in", "x", 10, 50), ("x", "d1", 8, 60), ("x", "d2", 6, 80)],
        {"in": ("pressure", 500), "d1": ("pressure", 0), "d2": ("pressure", 0)},
    )
    flow = solve_poiseuille(net, MU)
    # The table has ten digits, and its first row is the sum of the other two only to the last of them.
    assert flow.flows * 1e18 == pytest.approx([607313.0719, 490835.5056, 116477.5663], rel=EXACT)
    assert flow.pressures[1] == pytest.approx(351.5350363, rel=EXACT)


def test_a_tree_of_two_generations_agrees_with_the_reference_table():
    # Case O-F11b of flow_networks.
    net = network(
        [("in", "a", 12, 100), ("a", "b", 10, 80), ("a", "c", 8, 120), ("b", "o1", 8, 60), ("b", "o2", 6, 60),
         ("c", "o3", 6, 100), ("c", "o4", 5, 70)],
        {"in": ("pressure", 1000), **{f"o{k}": ("pressure", 0) for k in range(1, 5)}},
    )  # fmt: skip
    flow = solve_poiseuille(net, MU)
    table = [1019467.337, 812264.3387, 207202.9985, 617031.6638, 195232.6749, 122682.7831, 84520.21542]
    assert flow.flows * 1e18 == pytest.approx(table, rel=EXACT)
    assert flow.pressures[[1, 2, 4 - 1]] == pytest.approx([759.6247911, 441.916377, 462.8283581], rel=EXACT)


def test_an_imposed_flow_arrives_whole_and_a_closed_end_carries_none():
    net = network(
        [("a", "b", 8, 100), ("b", "c", 6, 50), ("b", "blind", 7, 80)], {"a": ("flow", 2e-14), "c": ("pressure", 10)}
    )
    flow = solve_poiseuille(net, MU)
    assert flow.flows[:2] == pytest.approx([2e-14, 2e-14], rel=EXACT)
    assert abs(flow.flows[2]) < 1e-9 * 2e-14
    assert flow.pressures[3] == pytest.approx(flow.pressures[1], rel=EXACT)
    assert any("blind" in note for note in flow.notes)


def test_mass_is_kept_at_every_node_of_a_random_mesh():
    generator = np.random.default_rng(0)
    edges = [
        (f"{i}-{j}", f"{i + di}-{j + dj}", *generator.uniform((4, 20), (50, 200)))
        for i in range(12) for j in range(12) for di, dj in ((1, 0), (0, 1)) if i + di < 12 and j + dj < 12
    ]  # fmt: skip
    net = network(edges, {"0-0": ("pressure", 5000), "11-11": ("pressure", 1000), "0-11": ("flow", 1e-13)})
    flow = solve_poiseuille(net, MU)
    total = np.zeros(len(net.node_names))
    np.add.at(total, net.edges[:, 0], flow.flows)
    np.add.at(total, net.edges[:, 1], -flow.flows)
    inner = [i for i, n in enumerate(net.node_names) if n not in ("0-0", "11-11", "0-11")]
    assert np.abs(flow.flows).max() > 1e-13
    assert np.abs(total[inner]).max() < 1e-9 * np.abs(flow.flows).max()
    assert total[net.node_index("0-11")] == pytest.approx(1e-13, rel=1e-9)


def test_a_cone_resists_as_the_sum_of_its_slices():
    # Trapezoidal sum over 20000 slices: its error is of order 1e-9.
    s = np.linspace(0, 1, 20001)
    r = 5e-6 + s * (2e-6 - 5e-6)
    slices = np.trapezoid(8 * MU / (np.pi * r**4), s * 50e-6)
    found = conductances(np.array([[5e-6, 2e-6]]), np.array([50e-6]), MU)
    assert found[0] * slices == pytest.approx(1, rel=1e-7)


def test_the_viscosity_law_slows_the_flow_by_its_own_factor():
    net = network([("a", "b", 8, 100)], {"a": ("pressure", 200), "b": ("pressure", 0)})
    blood = solve_poiseuille(net, InVivoViscosity(MU), hematocrit=0.4)
    plasma = solve_poiseuille(net, MU)
    assert plasma.flows[0] / blood.flows[0] == pytest.approx(float(in_vivo_viscosity(8e-6, 0.4)), rel=EXACT)
    assert plasma.flows[0] / blood.flows[0] > 2


def test_a_part_driven_by_flows_alone_has_its_level_chosen_and_said():
    net = network([("a", "b", 8, 100)], {"a": ("flow", 1e-14), "b": ("flow", -1e-14)})
    flow = solve_poiseuille(net, MU)
    assert flow.pressures == pytest.approx([1e-14 * resistance(8, 100), 0], rel=EXACT)
    assert any("lowest pressure" in note for note in flow.notes)


def test_flows_that_cannot_be_balanced_are_refused():
    net = network([("a", "b", 8, 100)], {"a": ("flow", 1e-14), "b": ("flow", 1e-14)})
    with pytest.raises(InputError, match="give a pressure"):
        solve_poiseuille(net, MU)


def test_a_part_without_conditions_rests():
    net = network([("a", "b", 8, 100), ("c", "d", 8, 100)], {"a": ("pressure", 1), "b": ("pressure", 0)})
    flow = solve_poiseuille(net, MU)
    assert flow.flows[0] > 0 and flow.flows[1] == 0
    assert np.isnan(flow.pressures[2:]).all()


@pytest.mark.parametrize(
    ("lengths", "conditions", "viscosity", "words"),
    [
        (float("nan"), {"a": ("pressure", 1.0)}, MU, "length"),
        (100, {}, MU, "boundary condition"),
        (100, {"z": ("pressure", 1.0)}, MU, "no node 'z'"),
        (100, {"a": ("pressure", float("inf"))}, MU, "not finite"),
        (100, {"a": ("pressure", 1.0)}, -1.0, "viscosity"),
        (100, {"a": ("pressure", 1.0)}, InVivoViscosity(), "hematocrit"),
    ],
)
def test_what_is_missing_for_a_solution_is_named(lengths, conditions, viscosity, words):
    with pytest.raises(InputError, match=words):
        solve_poiseuille(network([("a", "b", 8, lengths)], conditions), viscosity)
