"""Physical values as a user writes them: text with a number and a unit, into a float in SI.

Common units are read by a small exact parser; everything else is left to pint, which is imported only then.
"""

from __future__ import annotations

import functools
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from hemoflow.errors import InputError

Dimensions = tuple[int, ...]
"""Exponents of kg, m, s and of the plane angle."""

_KINDS: dict[str, tuple[str, str, Dimensions]] = {
    "1": ("number without unit", "0.5", (0, 0, 0, 0)),
    "rad": ("angle", "30 deg", (0, 0, 0, 1)),
    "m": ("length", "12 um", (0, 1, 0, 0)),
    "m^2": ("area", "100 um^2", (0, 2, 0, 0)),
    "m^3": ("volume", "900 fL", (0, 3, 0, 0)),
    "1/m": ("curvature", "0.1 1/um", (0, -1, 0, 0)),
    "s": ("time", "50 ms", (0, 0, 1, 0)),
    "1/s": ("rate", "100 1/s", (0, 0, -1, 0)),
    "m/s": ("velocity", "1 mm/s", (0, 1, -1, 0)),
    "m/s^2": ("acceleration", "9.81 m/s^2", (0, 1, -2, 0)),
    "m^2/s": ("kinematic viscosity", "1.2 mm^2/s", (0, 2, -1, 0)),
    "m^3/s": ("flow rate", "10 nL/min", (0, 3, -1, 0)),
    "kg": ("mass", "1 ng", (1, 0, 0, 0)),
    "kg/m^3": ("density", "1025 kg/m^3", (1, -3, 0, 0)),
    "Pa": ("pressure or stress", "300 Pa", (1, -1, -2, 0)),
    "Pa s": ("dynamic viscosity", "1.2 mPa s", (1, -1, -1, 0)),
    "Pa s/m^3": ("flow resistance", "1 Pa s/nL", (1, -4, -1, 0)),
    "m^3/Pa": ("capacitance", "1 pL/Pa", (-1, 4, 2, 0)),
    "N": ("force", "10 pN", (1, 1, -2, 0)),
    "N/m": ("tension", "0.2 mN/m", (1, 0, -2, 0)),
    "N/m^3": ("force per volume", "10 kPa/m", (1, -2, -2, 0)),
    "N s/m": ("surface viscosity", "0.1 mN s/m", (1, 0, -1, 0)),
    "J": ("energy", "0.2 aJ", (1, 2, -2, 0)),
    "W": ("power", "1 pW", (1, 2, -3, 0)),
}
_NAMES = {dimensions: name for name, _, dimensions in _KINDS.values()}

_SYMBOLS: dict[str, tuple[Decimal, Dimensions]] = {
    symbol: (Decimal(scale), dimensions)
    for symbol, scale, dimensions in (
        ("m", "1", (0, 1, 0, 0)),
        ("g", "1e-3", (1, 0, 0, 0)),
        ("s", "1", (0, 0, 1, 0)),
        ("min", "60", (0, 0, 1, 0)),
        ("h", "3600", (0, 0, 1, 0)),
        ("d", "86400", (0, 0, 1, 0)),
        ("Hz", "1", (0, 0, -1, 0)),
        ("N", "1", (1, 1, -2, 0)),
        ("dyn", "1e-5", (1, 1, -2, 0)),
        ("Pa", "1", (1, -1, -2, 0)),
        ("bar", "1e5", (1, -1, -2, 0)),
        ("mmHg", "133.322387415", (1, -1, -2, 0)),
        ("P", "0.1", (1, -1, -1, 0)),
        ("J", "1", (1, 2, -2, 0)),
        ("W", "1", (1, 2, -3, 0)),
        ("L", "1e-3", (0, 3, 0, 0)),
        ("l", "1e-3", (0, 3, 0, 0)),
        ("rad", "1", (0, 0, 0, 1)),
    )
}
_PREFIXES = {
    prefix: Decimal(10) ** power
    for prefix, power in zip("afpnumcdhkMG", (-18, -15, -12, -9, -6, -3, -2, -1, 2, 3, 6, 9), strict=True)
}
_WHOLE = {"min", "h", "d", "mmHg", "rad"}  # never with a prefix

_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*", re.S)
_TOKEN = re.compile(r"([A-Za-z]+)(?:(?:\^|\*\*)?([+-]?\d))?")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_LONGEST = 60


def quantity(text: Any, unit: str) -> float:
    """A value such as ``"1.2 mPa s"`` as a float in the SI unit ``unit`` (``"Pa s"``), finite.

    Raises InputError, without a path, for anything that is not text, has no number, no unit, an unknown unit or one of
    another dimension: what it is, what is needed, and an example.
    """
    _, example, wanted = _KINDS[unit]
    number, given = _split(text, unit)
    scale, dimensions = _unit(given, text)
    if dimensions != wanted and not (unit == "rad" and not any(dimensions) and given):
        raise InputError(f"{text!r} is {article(_name(dimensions))}, needs {article(kind(unit))}, e.g. {example!r}")
    value = float(number * scale)
    if not math.isfinite(value):
        raise InputError(f"{text!r} is not a finite number; give a value a computer can hold, e.g. {example!r}")
    return value


def length(text: Any) -> float:
    """A length in m; see `quantity`."""
    return quantity(text, "m")


def time(text: Any) -> float:
    """A time in s; see `quantity`."""
    return quantity(text, "s")


def kind(unit: str) -> str:
    """What an SI unit measures, in words: "dynamic viscosity" for ``"Pa s"``."""
    return _KINDS[unit][0]


def example(unit: str) -> str:
    """A value with that dimension as a user would write it."""
    return _KINDS[unit][1]


def in_words(value: float, unit: str) -> str:
    """A value in SI as text that `quantity` reads back to the same float."""
    return f"{value!r} {unit}"


def _split(text: Any, unit: str) -> tuple[Decimal, str]:
    """Number and unit text. Raises InputError."""
    example = _KINDS[unit][1]
    if isinstance(text, bool) or not isinstance(text, str):
        if isinstance(text, int | float) and not isinstance(text, bool):
            problem = f"{text!r} has no unit; write number and unit as text"
        else:
            problem = f"{shown(text)} is not a quantity; write number and unit as text"
        raise InputError(f"{problem}, {article(kind(unit))} such as {example!r}")
    found = _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise InputError(f"{shown(text)} does not start with a number; needs {article(kind(unit))}, e.g. {example!r}")
    if not found.group(2):
        raise InputError(f"{text!r} has no unit; needs {article(kind(unit))}, e.g. {example!r}")
    if re.match(r",\d", found.group(2)):
        raise InputError(f"{text!r} has a comma; write a decimal point and no separators, e.g. {example!r}")
    try:
        return Decimal(found.group(1)), found.group(2)
    except InvalidOperation:
        raise InputError(f"{text!r} has an exponent beyond every use; needs e.g. {example!r}") from None


def _unit(text: str, whole: str) -> tuple[Decimal, Dimensions]:
    """Scale to SI and dimensions of a unit text. Raises InputError for unknown units."""
    plain = text.replace("µ", "u").replace("μ", "u").translate(_SUPERSCRIPTS).replace("°", "deg")
    try:
        return _by_table(plain) or _by_pint(plain)
    except InputError as error:
        raise InputError(f"{whole!r}: {error}") from None


@functools.lru_cache(maxsize=512)
def _by_table(text: str) -> tuple[Decimal, Dimensions] | None:
    """Products and quotients of common units with one-digit exponents; None for anything else."""
    scale, total, sign = Decimal(1), [0, 0, 0, 0], 1
    for token in re.findall(r"/|[^\s/*·]+(?:\*\*[+-]?\d)?", text):
        if token == "/":
            if sign < 0:
                return None
            sign = -1
            continue
        if token != "1":
            found = _TOKEN.fullmatch(token)
            symbol = _symbol(found.group(1)) if found else None
            if found is None or symbol is None:
                return None
            power = sign * int(found.group(2) or 1)
            scale *= symbol[0] ** power
            total = [t + power * s for t, s in zip(total, symbol[1], strict=True)]
        sign = 1
    return (scale, tuple(total)) if sign > 0 else None


def _symbol(name: str) -> tuple[Decimal, Dimensions] | None:
    if name in _SYMBOLS:
        return _SYMBOLS[name]
    if name[0] in _PREFIXES and name[1:] in _SYMBOLS and name[1:] not in _WHOLE:
        scale, dimensions = _SYMBOLS[name[1:]]
        return _PREFIXES[name[0]] * scale, dimensions
    return None


@functools.cache
def _registry() -> Any:
    import pint

    return pint.UnitRegistry()


@functools.lru_cache(maxsize=512)
def _by_pint(text: str) -> tuple[Decimal, Dimensions]:
    """Scale and dimensions of any unit that pint knows. Raises InputError."""
    if not _harmless(text):
        raise InputError(f"{text!r} is not a unit")
    spelt = re.sub(r"(?<!H)(?<=[A-Za-z])([+-]?\d)\b", r"**\1", text.replace("·", "*").replace("%", " percent"))
    spelt = "1" + spelt if spelt.startswith("/") else spelt
    registry = _registry()
    try:
        base = registry.Quantity(1.0, registry.parse_units(spelt.removeprefix("1 "))).to_base_units()
        scale, dimensions = base.magnitude, dict(base.dimensionality)
    except Exception as error:  # pint raises its own, token, attribute and type errors for malformed units
        raise InputError(f"{text!r} is not a known unit ({type(error).__name__})") from None
    exponents = [dimensions.pop(name, 0) for name in ("[mass]", "[length]", "[time]")]
    angle = int(not any(exponents) and not dimensions and "radian" in str(base.units))
    if dimensions or any(e != int(e) for e in exponents):
        raise InputError(f"{text!r} measures nothing that a case file asks for")
    return Decimal(repr(float(scale))), (*(int(e) for e in exponents), angle)


def _harmless(text: str) -> bool:
    """Whether every number in a unit is one exponent of one digit: towers of powers would take pint for ever."""
    if not re.fullmatch(r"[A-Za-zÅΩ%/*^ ().·_0-9+-]+", text):
        return False
    marked = re.sub(r"\s*(?:(?:\^|\*\*)\s*[+-]?|(?<=[A-Za-z])[+-]?)\d(?!\d)", "#", re.sub(r"^\s*1\s*/", "/", text))
    return not re.search(r"\d|\^|\*\*|#\s*#", marked)


def _name(dimensions: Dimensions) -> str:
    return _NAMES.get(dimensions, "value of another dimension")


def article(name: str) -> str:
    """The words with their indefinite article."""
    return f"{'an' if name[0] in 'aeiou' else 'a'} {name}"


def shown(value: Any) -> str:
    """A value in a message: as TOML would write it, shortened."""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        text = repr(value)
    except ValueError:  # an integer of thousands of digits
        text = "a number of thousands of digits"
    return text if len(text) <= _LONGEST + 2 else text[:_LONGEST] + "..."
