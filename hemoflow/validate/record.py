"""What a validation runner is told and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """`quick`: a resolution that runs in seconds. `precision`: "float32" or "float64"."""

    quick: bool = False
    precision: str = "float64"


@dataclass(frozen=True)
class Measurement:
    """`value` in the unit of the table, `resolution` in words, and `node_updates`.

    That is how many fluid nodes were updated in total; in families without a fluid, how many times a membrane vertex
    was given its force or energy.
    """

    value: float
    resolution: str
    node_updates: int = 0


@dataclass(frozen=True)
class ByNames:
    """Makes the runner of a quantity that holds names: registered as `Q *->*`, it is called with the words in place of the stars."""

    make: Callable[..., Callable[[dict[str, str], Settings], Measurement]]
