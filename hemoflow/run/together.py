"""A run of several processes: the leading one decides, measures and writes; the others do what it says with their devices."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from hemoflow.build import Setup
from hemoflow.interaction.neighbours import Search
from hemoflow.model import Model, State
from hemoflow.parallel.processes import leads, told
from hemoflow.run.chunk import ChunkReport
from hemoflow.run.engine import Engine, ManyDevices, Observation, OneDevice


class Order(IntEnum):
    """What the leading process may ask for."""

    END, ENTER, WHOLE, RUN, OBSERVE, MASS, ENLARGE = range(7)


class Leader:
    """The engine of the leading process: every call is announced to the others, with all that they need for it."""

    def __init__(self, engine: ManyDevices) -> None:
        self.engine = engine
        self._latest: Any = None

    def enter(self, state: State) -> State:
        """As `ManyDevices.enter`."""
        self._announce(Order.ENTER)
        self._latest = self.engine.enter(told(state))
        return self._latest

    def whole(self, state: State) -> State:
        """As `ManyDevices.whole`."""
        self._announce(Order.WHOLE, state)
        return self.engine.whole(state)

    def run(self, state: State, drives: Array) -> tuple[State, ChunkReport]:
        """As `ManyDevices.run`."""
        self._announce(Order.RUN, state, len(drives))
        told((state.cells, state.bonds, state.bodies, drives))
        self._latest, report = self.engine.run(state, drives)
        return self._latest, report

    def observe(self, state: State, drive: Array) -> Observation:
        """As `ManyDevices.observe`."""
        self._announce(Order.OBSERVE, state)
        told((state.cells, state.bonds, state.bodies, drive))
        return self.engine.observe(state, drive)

    def mass(self, state: State) -> float:
        """As `ManyDevices.mass`."""
        self._announce(Order.MASS, state)
        return self.engine.mass(state)

    def enlarge(self, search: Search) -> None:
        """As `ManyDevices.enlarge`."""
        self._announce(Order.ENLARGE)
        told(_capacities(search))
        self.engine.enlarge(search)

    def close(self) -> None:
        """Let the others go."""
        self._announce(Order.END)

    def _announce(self, order: Order, state: State | None = None, steps: int = 0) -> None:
        before = state is not None and state.fluid is not self._latest.fluid
        told(np.asarray([order, steps, before], np.int32))


def follow(setup: Setup, engine: Engine) -> None:
    """Do what the leading process says until it has finished."""
    real, openings = jnp.result_type(float), setup.model.fluid.links.openings
    state = before = setup.state
    while True:
        number, steps, previous = (int(n) for n in told(np.zeros(3, np.int32)))
        order = Order(number)
        if order == Order.END:
            return
        if order == Order.ENTER:
            state = before = engine.enter(told(setup.state))
            continue
        if order == Order.ENLARGE:
            assert setup.model.contact.cells is not None
            search = setup.model.contact.cells.search
            slots, edge = told(_capacities(search))
            engine.enlarge(dataclasses.replace(search, slots=int(slots), edge=float(edge)))
            continue
        asked = before if previous else state
        if order == Order.MASS:
            engine.mass(asked)
        elif order == Order.WHOLE:
            engine.whole(asked)
        else:
            shape = (steps, openings + 2) if order == Order.RUN else (openings + 2,)
            held = setup.state
            cells, bonds, bodies, drive = told((held.cells, held.bonds, held.bodies, jnp.zeros(shape, real)))
            asked = State(asked.fluid, cells, bonds, asked.outlets, bodies)
            if order == Order.OBSERVE:
                engine.observe(asked, drive)
            else:
                before, state = asked, engine.run(asked, drive)[0]


def _capacities(search: Search) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """What may change of a search; every process must compile the same."""
    return np.asarray([search.slots, search.edge], np.float32)


def make_engine(model: Model, devices: Sequence[jax.Device]) -> Engine:
    """The engine of a model on some devices, as the leading process uses it. Raises InputError where the lumen is too small for so many."""
    if len(devices) == 1:
        return OneDevice(model)
    engine = ManyDevices(model, devices)
    return Leader(engine) if jax.process_count() > 1 and leads() else engine
