"""What advances and measures a run: one device, or several that share the lumen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from hemoflow.fluid.boundary import held_back
from hemoflow.fluid.moments import density_deviation
from hemoflow.fluid.solver import FluidState
from hemoflow.interaction.neighbours import Search
from hemoflow.model import Model, State
from hemoflow.parallel.processes import everywhere, total
from hemoflow.parallel.split import AXIS, split_model, split_state, whole_state
from hemoflow.run.chunk import ChunkReport, inspect, march, run_chunk
from hemoflow.run.observe import FluidFields, MembraneFields, observe, observed

BITS = 16
"""More than there are error bits."""

Observation = tuple[FluidFields, tuple[MembraneFields, ...]]


class Engine(Protocol):
    """`enter` makes a state ready to `run` a chunk of steps and to `observe`; `whole` gives it back in canonical order."""

    def enter(self, state: State) -> State: ...
    def whole(self, state: State) -> State: ...
    def run(self, state: State, drives: Array) -> tuple[State, ChunkReport]: ...
    def observe(self, state: State, drive: Array) -> Observation: ...
    def mass(self, state: State) -> float: ...
    def enlarge(self, search: Search) -> None: ...
    def close(self) -> None: ...


class OneDevice:
    """The default device does everything."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def enter(self, state: State) -> State:
        """The state itself."""
        return state

    def whole(self, state: State) -> State:
        """The state itself."""
        return state

    def run(self, state: State, drives: Array) -> tuple[State, ChunkReport]:
        """As `run_chunk`."""
        return run_chunk(self.model, state, drives)

    def observe(self, state: State, drive: Array) -> Observation:
        """As `observe`."""
        return observe(self.model, state, drive)

    def mass(self, state: State) -> float:
        """Mass above rest in lattice units, less what walls hold back and owe (`fluid.boundary.settle`)."""
        h, owed = state.fluid.populations, float(state.fluid.memory.owed[0])
        held = held_back(self.model.fluid.links, h)
        return float(np.asarray(h).sum(dtype=np.float64) - np.asarray(held).sum(dtype=np.float64)) - owed

    def enlarge(self, search: Search) -> None:
        """Look for neighbours with more room from now on."""
        self.model = with_search(self.model, search)

    def close(self) -> None:
        """Nothing is left to do."""


class ManyDevices:
    """Several devices, of one process or of several, each with its part of the lumen; see `hemoflow.parallel.split`.

    Fields are collected on the host where they are measured or saved, never on a device. Results agree with those of one
    device but for the order in which sums over the lumen are formed: 1e-12 of their size in double precision.
    """

    def __init__(self, model: Model, devices: Sequence[jax.Device]) -> None:
        self.mesh = Mesh(np.asarray(devices), (AXIS,))
        model, self.split = split_model(model, len(devices))
        self._build(model)

    def _build(self, model: Model) -> None:
        self.host = model
        arrays, static = eqx.partition(model, eqx.is_array_like)
        same, own = jax.tree.map(lambda _: P(), arrays), jax.tree.map(lambda _: P(AXIS), arrays)
        spec = eqx.tree_at(_of_one, same, _of_one(own))
        self.model = jax.tree.map(self._place, arrays, spec)
        whole = State(P(AXIS), P(), P(), P(), P())  # type: ignore[arg-type]
        self._chunk = self._compile(static, _chunk, (spec, whole, P()), (whole, P()))
        self._observe = self._compile(static, _observed, (spec, whole, P()), (P(AXIS), P()))
        self._held = self._compile(static, _held, (spec, whole, P()), P(AXIS))

    def enter(self, state: State) -> State:
        """The state over the devices."""
        split = split_state(state, self.split)
        return self._ready(
            State(
                jax.tree.map(lambda a: self._place(a, P(AXIS)), split.fluid),
                split.cells,
                split.bonds,
                split.outlets,
                split.bodies,
            )
        )

    def whole(self, state: State) -> State:
        """The state on the host in canonical order, the same for any number of devices."""
        return whole_state(jax.tree.map(everywhere, state), self.split)

    def run(self, state: State, drives: Array) -> tuple[State, ChunkReport]:
        """As `run_chunk`."""
        return self._chunk(self.model, self._ready(state), self._place(drives))

    def observe(self, state: State, drive: Array) -> Observation:
        """As `observe`; the fields of the fluid are on the host."""
        fluid, membranes = self._observe(self.model, self._ready(state), self._place(drive))
        return jax.tree.map(lambda field: self.split.partition.whole(everywhere(field)), fluid), membranes

    def mass(self, state: State) -> float:
        """As on one device."""
        held = total(self._held(self.model, state, self._place(np.zeros(0))))
        owed = float(everywhere(state.fluid.memory.owed)[0, 0])
        return total(state.fluid.populations) - held - owed

    def enlarge(self, search: Search) -> None:
        """Look for neighbours with more room from now on, on every device."""
        self._build(with_search(self.host, search))

    def close(self) -> None:
        """Nothing is left to do."""

    def _compile(self, static: Model, body: Callable[..., Any], take: Any, give: Any) -> Callable[..., Any]:
        def on_one(arrays: Model, state: State, drive: Array) -> Any:
            arrays, state = jax.tree.map(_made_here, (arrays, state))
            return body(
                _own(eqx.combine(arrays, static)),
                State(_first(state.fluid), state.cells, state.bonds, state.outlets, state.bodies),
                drive,
            )

        # Values that every device computes alike are not told apart from others: the compiled kernels carry no such mark.
        return jax.jit(jax.shard_map(on_one, mesh=self.mesh, in_specs=take, out_specs=give, check_vma=False))

    def _place(self, values: Any, spec: P = P()) -> Array:
        host = np.asarray(values)
        return jax.make_array_from_callback(host.shape, NamedSharding(self.mesh, spec), lambda index: host[index])

    def _ready(self, state: State) -> State:
        """The same state with its cells, which may have been changed on the host, on every device."""
        same = jax.tree.map(self._place, (state.cells, state.bonds, state.outlets, state.bodies))
        return State(state.fluid, *same)


def with_search(model: Model, search: Search) -> Model:
    """The same model with another search for neighbours."""
    return eqx.tree_at(lambda m: m.contact.cells.search, model, search)


def _of_one(model: Model) -> tuple[Any, Any]:
    """What every device has its own of."""
    assert model.layout.part is not None
    return model.fluid, model.layout.part.bounds


def _own(model: Model) -> Model:
    return eqx.tree_at(_of_one, model, _first(_of_one(model)))


def _made_here(a: Array) -> Array:
    """The same array, but an empty one is no argument: the compiler of jaxlib 0.11 crashes where one is handed through."""
    return jnp.zeros(a.shape, a.dtype) if jnp.size(a) == 0 else a


def _first(tree: Any) -> Any:
    return jax.tree.map(lambda a: a[0], tree)


def _stacked(tree: Any) -> Any:
    return jax.tree.map(lambda a: a[None], tree)


def _chunk(model: Model, state: State, drives: Array) -> tuple[State, ChunkReport]:
    state, seen = march(model, state, drives)
    h, part = state.fluid.populations, model.layout.part
    assert part is not None
    mass = jax.lax.psum(jnp.sum(density_deviation(list(h))), AXIS)
    # nodes that only fill up must not count among the extremes
    real = jnp.arange(part.size) < part.bounds[1] - part.bounds[0]
    shown = FluidState(jnp.where(real, h, h[:, :1]), state.fluid.memory)
    report = inspect(model, State(shown, state.cells, state.bonds, state.outlets, state.bodies), seen)
    return State(_stacked(state.fluid), state.cells, state.bonds, state.outlets, state.bodies), _of_all(report, mass)


def _of_all(report: ChunkReport, mass: Array) -> ChunkReport:
    low, high = jax.lax.pmin(report.density_min, AXIS), jax.lax.pmax(report.density_max, AXIS)
    bits = sum(jax.lax.pmax(report.bits >> k & 1, AXIS) << k for k in range(BITS))
    speed = jax.lax.pmax(report.speed_max, AXIS)
    return ChunkReport(
        report.flux, report.pushed_back, mass, low, high, speed, report.volume_ratio, jnp.asarray(bits), report.need
    )


def _held(model: Model, state: State, _: Array) -> Array:
    return held_back(model.fluid.links, state.fluid.populations)


def _observed(model: Model, state: State, drive: Array) -> Observation:
    fluid, membranes = observed(model, state, drive)
    return _stacked(fluid), membranes
