"""Numbers and outcomes in words: quantities in readable units, one sentence per object, rows of the summary table."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

_UNITS: dict[str, tuple[tuple[float, str], ...]] = {
    "m": ((1e-6, "µm"), (1e-3, "mm"), (1.0, "m")),
    "s": ((1e-6, "µs"), (1e-3, "ms"), (1.0, "s"), (60.0, "min"), (3600.0, "h"), (86400.0, "d")),
    "m/s": ((1e-6, "µm/s"), (1e-3, "mm/s"), (1.0, "m/s")),
    "N/m": ((1e-6, "µN/m"), (1e-3, "mN/m"), (1.0, "N/m")),
    "N": ((1e-12, "pN"), (1e-9, "nN"), (1e-6, "µN"), (1.0, "N")),
    "Pa": ((1e-3, "mPa"), (1.0, "Pa"), (1e3, "kPa")),
    "m^3/s": ((1e-18, "fL/s"), (1e-15, "pL/s"), (1e-12, "nL/s"), (1e-9, "µL/s"), (1.0, "m³/s")),
    "Pa s": ((1e-3, "mPa s"), (1.0, "Pa s")),
    "J": ((1e-18, "aJ"), (1e-15, "fJ"), (1e-12, "pJ"), (1.0, "J")),
    "B": ((1.0, "B"), (2.0**10, "KiB"), (2.0**20, "MiB"), (2.0**30, "GiB")),
}
UNKNOWN = "–"
_SMALL_RISK = 1e-3
_LATER = {"min": 3.0, "h": 3.0, "d": 2.0}
"""How many of a unit there must be before it is used, where that is not one: 90 s stay seconds, 30 h stay hours."""


def quantity(value: float | None, unit: str, digits: int = 3) -> str:
    """A value in SI as a text in a readable unit; a dash when it is not known."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if unit not in _UNITS:
        return f"{number(value, digits)} {unit}".rstrip() if unit != "1" else number(value, digits)
    scale, name = scaled(abs(value), unit)
    return f"{number(value / scale, digits)} {name}"


def scaled(size: float, unit: str) -> tuple[float, str]:
    """Factor and name of the readable unit for values of this size (SI)."""
    choices = _UNITS.get(unit)
    if choices is None:
        return 1.0, unit
    chosen = choices[0]
    if size == 0:
        return 1.0, unit
    for factor, name in choices:
        if size >= factor * _LATER.get(name, 1.0) * (1 - 1e-9):
            chosen = (factor, name)
    return chosen


def number(value: float, digits: int = 3) -> str:
    """A plain number with that many significant digits, without a power of ten where it reads well without."""
    if value == 0:
        return "0"
    value = float(f"{value:.{digits - 1}e}")
    if 1e-3 <= abs(value) < 1e5:
        places = max(digits - 1 - math.floor(math.log10(abs(value))), 0)
        return f"{value:.{places}f}"
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa} × 10{str(int(power)).translate(_RAISED)}"


_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def fraction(value: float | None, span: dict[str, Any] | None = None) -> str:
    """A probability with as many digits as its distance from 0 or 1 needs, and its interval in brackets."""
    if value is None:
        return UNKNOWN
    ends = [] if span is None else [span["low"], span["high"]]
    text = _chance(value)
    return text if not ends else f"{text} ({_chance(ends[0])}–{_chance(ends[1])})"


def survival_text(entry: dict[str, Any]) -> str:
    """A surviving fraction of a score; one near 1 through the risk of death, whose digits can be read."""
    value, span = entry["value"], entry.get("uncertainty")
    if value is None or 1.0 - value > _SMALL_RISK:
        return fraction(value, span)
    text = f"> {1 - _SMALL_RISK:g}, risk of death {_risk(1 - value)}"
    return text if span is None else f"{text} ({_risk(1 - span['high'])} to {_risk(1 - span['low'])})"


def _risk(value: float) -> str:
    return number(value, 2) if value > 0 else "0"


def _chance(value: float) -> str:
    edge = min(value, 1.0 - value)
    if value in (0.0, 1.0):
        return f"{value:.0f}"
    if edge < 1e-9:
        return "< 10⁻⁹" if value < 0.5 else "> 1 − 10⁻⁹"
    if value < 1e-3:
        return number(value, 2)
    places = min(max(2, 1 - math.floor(math.log10(edge))), 10)
    return f"{value:.{places}f}"


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the summary: what, the value per object, where the number comes from."""

    label: str
    values: tuple[str, ...]
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Told:
    """What is said of one object: its name, a short outcome with its kind ("good", "bad", "plain"), sentences."""

    name: str
    outcome: str
    kind: str
    sentences: tuple[str, ...]


def tell(score: dict[str, Any], peaks: dict[str, dict[str, float]]) -> list[Told]:
    """One entry per object of a score; ``peaks`` holds per cell its largest tension (N/m) and traction (Pa)."""
    return [_object(score, k, peaks) for k in range(len(score["arrest"]["objects"]))]


def cells_of(score: dict[str, Any], label: str) -> list[int]:
    """Indices of the cells of an object in the survival and transit parts."""
    names = label.split("+")
    return [i for i, entry in enumerate(score["transit"]["cells"]) if entry["cell"] in names]


def _object(score: dict[str, Any], k: int, peaks: dict[str, dict[str, float]]) -> Told:
    arrest = score["arrest"]["objects"][k]
    members = cells_of(score, arrest["object"])
    transits = [score["transit"]["cells"][i] for i in members]
    survivals = [score["survival"]["cells"][i] for i in members]
    outcome, kind, first = _motion(arrest, transits)
    sentences = [first]
    hard = [peaks[t["cell"]] for t in transits if t["cell"] in peaks]
    if hard:
        tension, traction = max(p["tension"] for p in hard), max(p["traction"] for p in hard)
        worst = max(t["max_deformation"]["value"] or 0.0 for t in transits)
        sentences.append(
            f"Peak tension {quantity(tension, 'N/m')}, peak traction {quantity(traction, 'Pa')}, "
            f"largest deformation {number(worst, 2)}."
        )
    if survivals:
        worst_cell = min(survivals, key=lambda s: s["probability"]["value"])
        chance = worst_cell["probability"]
        of = "Survival" if len(survivals) == 1 else f"Lowest survival of its {len(survivals)} cells"
        sentences.append(f"{of} {survival_text(chance)}.")
    leave = score["exit"]["objects"][k]
    if leave["overall"].get("arrested"):
        by = leave["exited_by"]
        span = by.get("uncertainty", {}).get("24 h")
        sentences.append(
            f"If it stays held, it leaves the vessel within a day with probability "
            f"{fraction(by['value']['24 h'], span)}."
        )
    return Told(arrest["object"], outcome, kind, tuple(sentences))


def _motion(arrest: dict[str, Any], transits: list[dict[str, Any]]) -> tuple[str, str, str]:
    """(short outcome, kind, sentence) of how an object moved."""
    subject = "The cell" if len(transits) == 1 else f"The cluster of {len(transits)} cells"
    ends = [t["passed"]["value"] for t in transits]
    durations = [t["duration"]["value"] for t in transits]
    path = quantity(max((t["path"]["value"] or 0.0 for t in transits), default=0.0), "m")
    squeezed = ""
    if durations and all(d is not None for d in durations):
        squeezed = f" It was in a lumen narrower than itself for {quantity(max(durations), 's')}."
    if ends and all(e is not None for e in ends):
        return "passed", "good", f"{subject} passed in {quantity(max(ends), 's')}, over {path}.{squeezed}"
    if arrest["stalled"].get("at_end"):
        return _stuck(subject, arrest)
    entered = any(t["entry"]["value"] is not None for t in transits)
    if entered and squeezed:
        return "through the neck", "good", f"{subject} came through the narrow part and moved {path}.{squeezed}"
    if entered:
        return "in the neck", "plain", f"{subject} was still in the narrow part when the run ended, after {path}."
    text = f"{subject} moved {path}; its centre was not in a lumen narrower than itself."
    return "moving", "plain", text


def _stuck(subject: str, arrest: dict[str, Any]) -> tuple[str, str, str]:
    index, needed = arrest["mechanical_index"], arrest["entry_threshold"]["value"]
    held = arrest["held_by"]["value"]
    text = f"{subject} jammed: it stood still for the last {quantity(arrest['stalled']['value'], 's')}."
    if index["value"] is not None and index.get("available_pressure") is not None:
        text += (
            f" The narrowest lumen ahead asks for {quantity(needed, 'Pa')} and {quantity(index['available_pressure'], 'Pa')} "
            f"are there (mechanical index {number(index['value'], 3)})."
        )
    if held == "transient":
        text += " Neither the neck nor bonds explain it by their indices: look at the pictures, or run longer."
    if not arrest["class"].get("window_reached"):
        window = arrest["stalled"].get("window_needed")
        text += f" An arrest counts from {quantity(window, 's')} on, which this run did not reach."
    return "jammed", "bad", text


def table_rows(score: dict[str, Any], peaks: dict[str, dict[str, float]], among: list[int]) -> list[Row]:
    """The summary table: one column per object of ``among`` (indices)."""
    parts = []
    for k in among:
        label = score["arrest"]["objects"][k]["object"]
        members = cells_of(score, label)
        parts.append(
            {
                "transit": [score["transit"]["cells"][i] for i in members],
                "survival": [score["survival"]["cells"][i] for i in members],
                "arrest": score["arrest"]["objects"][k],
                "exit": score["exit"]["objects"][k],
                "peaks": [peaks[n] for n in label.split("+") if n in peaks],
            }
        )
    return [Row(label, tuple(say(p) for p in parts), note) for label, say, note in _LINES]


def _most(entries: list[dict[str, Any]], key: str, unit: str, pick: Any = max) -> str:
    known = [e[key]["value"] for e in entries if e[key]["value"] is not None]
    return quantity(pick(known), unit) if known else UNKNOWN


def _with_span(entry: dict[str, Any], unit: str) -> str:
    text, span = quantity(entry["value"], unit), entry.get("uncertainty")
    if span is None or entry["value"] is None or span["low"] == span["high"]:
        return text
    return f"{text} ({quantity(span['low'], unit)} to {quantity(span['high'], unit)})"


def _index(entry: dict[str, Any]) -> str:
    span = entry.get("uncertainty")
    if entry["value"] is None:
        return UNKNOWN
    text = number(entry["value"])
    if span is None or span["low"] == span["high"]:
        return text
    return f"{text} ({number(span['low'], 2)}–{number(span['high'], 2)})"


def _survival(p: dict[str, Any]) -> str:
    worst = min((s["probability"] for s in p["survival"]), key=lambda e: e["value"])
    return survival_text(worst)


def _hazard(p: dict[str, Any]) -> str:
    worst = max(p["survival"], key=lambda s: s["hazard_integral"]["value"])
    return f"{number(worst['hazard_integral']['value'])}, mostly {worst['dominant_term']['value']}"


def _peak(p: dict[str, Any], name: str, unit: str) -> str:
    return quantity(max((q[name] for q in p["peaks"]), default=None), unit)


def _held(p: dict[str, Any], horizon: str) -> str:
    entry = p["exit"]["exited_by"]
    return fraction(entry["value"][horizon], entry.get("uncertainty", {}).get(horizon))


def _modelled(p: dict[str, Any]) -> str:
    """The slowest cell's modelled time of entry, else why there is none."""
    found = [t["entry_time"] for t in p["transit"] if "entry_time" in t]
    known = [e for e in found if e["value"] is not None]
    if len(known) < len(found):
        return str(next(e["outcome"] for e in found if e["value"] is None))
    return _with_span(max(known, key=lambda e: e["value"]), "s") if known else UNKNOWN


_LINES: tuple[tuple[str, Any, str], ...] = (
    ("entered the narrow part", lambda p: _most(p["transit"], "entry", "s", min), "lumen at the centroid narrower than the cell"),
    ("left it", lambda p: _most(p["transit"], "exit", "s"), ""),
    ("reached the end", lambda p: _most(p["transit"], "passed", "s"), ""),
    ("entry of a real cell", _modelled, "modelled with its cytoplasm, not resolved; at least, with the range of its viscosity"),
    ("way", lambda p: _most(p["transit"], "path", "m"), "of the centroid"),
    ("mean speed", lambda p: _most(p["transit"], "mean_speed", "m/s"), "way / simulated time"),
    ("largest deformation", lambda p: _most(p["transit"], "max_deformation", "1"), "Taylor, (L − B)/(L + B)"),
    ("smallest wall gap", lambda p: _most(p["transit"], "smallest_gap", "m", min), ""),
    ("peak tension", lambda p: _peak(p, "tension", "N/m"), "larger principal tension of the membrane"),
    ("peak traction", lambda p: _peak(p, "traction", "Pa"), "deviatoric stress of the fluid on the membrane"),
    ("survival", _survival, "range over stress exponent and frailty"),
    ("hazard integral", _hazard, ""),
    ("arrest", lambda p: p["arrest"]["class"]["value"], "within the simulated time"),
    ("stalled", lambda p: quantity(p["arrest"]["stalled"]["value"], "s"), "slower than 2 % of the flow"),
    ("entry threshold", lambda p: _with_span(p["arrest"]["entry_threshold"], "Pa"), "of a liquid drop at the narrowest lumen ahead"),
    ("mechanical index", lambda p: _index(p["arrest"]["mechanical_index"]), "threshold / available pressure"),
    ("adhesive index", lambda p: _index(p["arrest"]["adhesive_index"]), "bond force / force of the flow"),
    ("exit in 24 h, if held", lambda p: _held(p, "24 h"), "Markov chain, given arrest"),
    ("exit in 72 h, if held", lambda p: _held(p, "72 h"), "Markov chain, given arrest"),
)  # fmt: skip
