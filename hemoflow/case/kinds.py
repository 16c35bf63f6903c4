"""The kinds of value a key can hold: each reads a TOML value, noting faults by path, and writes one back."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

from hemoflow.case.faults import Faults, one_of
from hemoflow.errors import InputError
from hemoflow.schema import article, example, in_words, kind, quantity, shown

FAULTY: Any = object()
"""Stands for a value that could not be read; its fault has been noted."""

INFINITY = math.inf
_HUGE = 1e300


@dataclass(frozen=True)
class Range:
    """Smallest and largest value; `above` excludes the smallest. `text` says it, in the unit a user would use."""

    low: float = -INFINITY
    high: float = INFINITY
    above: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value lies inside; NaN never does."""
        return (value > self.low if self.above else value >= self.low) and value <= self.high


POSITIVE = Range(0.0, above=True)
NOT_NEGATIVE = Range(0.0)
ANY = Range()


@dataclass(frozen=True)
class Quantity:
    """A physical value in SI `unit`."""

    unit: str
    range: Range = POSITIVE
    limit: str = ""

    @property
    def needs(self) -> str:
        """The kind of value in words, with an example."""
        return f"{article(kind(self.unit))} such as {example(self.unit)!r}"

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """The value in SI."""
        try:
            value = quantity(raw, self.unit)
        except InputError as error:
            faults.add(path, str(error))
            return FAULTY
        if not self.range.holds(value):
            faults.add(path, f"{shown(raw)} is out of range; must be {self.limit or self._limit()}")
            return FAULTY
        return value

    def write(self, value: float) -> str:
        """TOML text."""
        return f'"{in_words(value, self.unit)}"'

    def _limit(self) -> str:
        low, high = self.range.low, self.range.high
        if (low, high) == (0.0, INFINITY):
            return "above zero" if self.range.above else "zero or more"
        return f"{low:g} to {high:g} {self.unit}"


@dataclass(frozen=True)
class Vector:
    """Three quantities in SI `unit`; or one of `words`; or, with `scalar`, one quantity meant along x."""

    unit: str
    words: tuple[str, ...] = ()
    scalar: bool = False

    @property
    def needs(self) -> str:
        """The kind of value in words, with an example."""
        return self._form()

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """Three floats in SI, or the word."""
        if isinstance(raw, str) and raw in self.words:
            return raw
        single = Quantity(self.unit, ANY)
        if self.scalar and not isinstance(raw, list):
            along_x = single.read(raw, path, faults)
            return FAULTY if along_x is FAULTY else (along_x, 0.0, 0.0)
        if not isinstance(raw, list) or len(raw) != 3:
            faults.add(path, f"{shown(raw)} is not {self._form()}")
            return FAULTY
        read = [single.read(item, f"{path}[{i}]", faults) for i, item in enumerate(raw)]
        return FAULTY if FAULTY in read else tuple(read)

    def write(self, value: Any) -> str:
        """TOML text."""
        if isinstance(value, str):
            return quoted(value)
        return "[" + ", ".join(f'"{in_words(v, self.unit)}"' for v in value) + "]"

    def _form(self) -> str:
        one = f'"{example(self.unit)}"'
        several = f"a list of three quantities, [{one}, {one}, {one}]"
        return " or ".join([*(f'"{word}"' for word in self.words), *([one] if self.scalar else []), several])


@dataclass(frozen=True)
class Number:
    """A plain number without a unit; `whole` for counts; or one of `words`."""

    range: Range = ANY
    limit: str = ""
    whole: bool = False
    words: tuple[str, ...] = ()
    example: str = "1"

    @property
    def needs(self) -> str:
        """The kind of value in words, with an example."""
        return f"a {'whole number' if self.whole else 'number'} such as {self.example}"

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """A float, or an int where whole numbers are asked for."""
        if isinstance(raw, str) and raw in self.words:
            return raw
        words = "".join(f' or "{word}"' for word in self.words)
        noun = "whole number" if self.whole else "number"
        if isinstance(raw, bool) or not isinstance(raw, int | float):
            problem = (
                f"{shown(raw)} is not a plain {noun}{words}; write it without quotes and unit, e.g. {self.example}"
            )
        elif not abs(raw) < _HUGE:
            problem = f"{shown(raw)} is not a {noun} a computer can hold; give e.g. {self.example}"
        elif self.whole and raw != int(raw):
            problem = f"{raw!r} is not a whole number; give e.g. {self.example}"
        elif not self.range.holds(raw):
            problem = f"{raw!r} is out of range; must be {self.limit or self._limit()}{words}"
        else:
            return int(raw) if self.whole else float(raw)
        faults.add(path, problem)
        return FAULTY

    def write(self, value: Any) -> str:
        """TOML text."""
        return quoted(value) if isinstance(value, str) else repr(value)

    def _limit(self) -> str:
        if (self.range.low, self.range.high) == (0.0, INFINITY):
            return "above zero" if self.range.above else "zero or more"
        if self.range.high == INFINITY:
            return f"{self.range.low:g} or more"
        return f"{'above ' if self.range.above else ''}{self.range.low:g} to {self.range.high:g}"


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    words: tuple[str, ...]

    @property
    def needs(self) -> str:
        """The kind of value in words."""
        return "one of " + ", ".join(self.words)

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """The word."""
        if isinstance(raw, str) and raw in self.words:
            return raw
        faults.add(path, one_of(raw, self.words))
        return FAULTY

    def write(self, value: str) -> str:
        """TOML text."""
        return quoted(value)


@dataclass(frozen=True)
class Choices:
    """Several of a few words, each once."""

    words: tuple[str, ...]

    @property
    def needs(self) -> str:
        """The kind of value in words."""
        return "a list of " + ", ".join(self.words)

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """The words as a tuple."""
        if not isinstance(raw, list):
            faults.add(path, f"{shown(raw)} is not a list; write e.g. [{quoted(self.words[0])}]")
            return FAULTY
        read = [Choice(self.words).read(item, f"{path}[{i}]", faults) for i, item in enumerate(raw)]
        if FAULTY in read:
            return FAULTY
        if len(set(read)) < len(read):
            faults.add(path, f"{shown(raw)} holds a word twice; give each once")
            return FAULTY
        return tuple(read)

    def write(self, value: tuple[str, ...]) -> str:
        """TOML text."""
        return "[" + ", ".join(quoted(v) for v in value) + "]"


@dataclass(frozen=True)
class Text:
    """Text of limited length; with `pattern`, made of allowed characters only (`allowed` says which)."""

    longest: int = 64
    pattern: str = r"[^\x00-\x1f\x7f]+"
    allowed: str = "characters that can be printed"
    example: str = "inlet"

    @property
    def needs(self) -> str:
        """The kind of value in words, with an example."""
        return f"text such as {quoted(self.example)}"

    def read(self, raw: Any, path: str, faults: Faults) -> Any:
        """The text."""
        if not isinstance(raw, str):
            faults.add(path, f"{shown(raw)} is not text; write it in quotes, e.g. {quoted(self.example)}")
        elif not re.fullmatch(self.pattern, raw):
            faults.add(path, f"{shown(raw)} may hold only {self.allowed}, at least one; e.g. {quoted(self.example)}")
        elif len(raw) > self.longest:
            faults.add(path, f"{shown(raw)} has {len(raw)} characters; at most {self.longest} are allowed")
        else:
            return raw
        return FAULTY

    def write(self, value: Any) -> str:
        """TOML text."""
        return quoted(str(value))


NAME = Text(64, r"[A-Za-z0-9._-]+", "letters, digits, dot, underscore and hyphen (A-Za-z0-9._-)", "mcf7-capillary")


def quoted(text: str) -> str:
    """Text as a TOML string."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
