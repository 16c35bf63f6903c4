"""A quantity is read to the last digit, in whatever unit it is written, and only if it has the right dimension."""

from __future__ import annotations

import math
import random
import struct

import pytest

from hemoflow.errors import InputError
from hemoflow.schema import in_words, length, quantity, time


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("12 um", "m", 12e-6),
        ("12um", "m", 12e-6),
        ("12 µm", "m", 12e-6),
        ("12 μm", "m", 12e-6),
        ("12 micrometer", "m", 12e-6),
        (" 1.2 mPa s ", "Pa s", 1.2e-3),
        ("1.2 mPa*s", "Pa s", 1.2e-3),
        ("1.2 mPa·s", "Pa s", 1.2e-3),
        ("1.2 cP", "Pa s", 1.2e-3),
        ("1 pascal second", "Pa s", 1.0),
        ("10 dyn/cm^2", "Pa", 1.0),
        ("10 dyn/cm2", "Pa", 1.0),
        ("10 dyn/cm²", "Pa", 1.0),
        ("10 dyn/cm**2", "Pa", 1.0),
        ("1 mmHg", "Pa", 133.322387415),
        ("7 pN", "N", 7e-12),
        ("300 pN/um", "N/m", 3e-4),
        ("0.2 mN/m", "N/m", 2e-4),
        ("6 nL/min", "m^3/s", 1e-13),
        ("5 1/s", "1/s", 5.0),
        ("5/s", "1/s", 5.0),
        ("5 s^-1", "1/s", 5.0),
        ("5 s⁻¹", "1/s", 5.0),
        ("5 Hz", "1/s", 5.0),
        ("1.06 g/mL", "kg/m^3", 1060.0),
        ("3 kg m^-1 s^-1", "Pa s", 3.0),
        ("2 kPa/mm", "N/m^3", 2e6),
        ("0.1 mN s/m", "N s/m", 1e-4),
        ("0.2 aJ", "J", 2e-19),
        ("1 rad", "rad", 1.0),
    ],
)
def test_a_quantity_is_the_float_nearest_to_what_is_written(text: str, unit: str, value: float) -> None:
    assert quantity(text, unit) == value


def test_units_outside_the_table_are_read_by_pint() -> None:
    assert quantity("10 cmH2O", "Pa") == pytest.approx(980.665, rel=1e-9)
    assert quantity("2 (m/s)^2*kg", "J") == pytest.approx(2.0, rel=1e-12)
    assert quantity("180 deg", "rad") == pytest.approx(3.141592653589793, rel=1e-15)
    assert quantity("1 atm", "Pa") == pytest.approx(101325.0, rel=1e-12)


def test_a_value_written_in_si_reads_back_to_the_same_float() -> None:
    source = random.Random(1)
    values = [struct.unpack("d", source.randbytes(8))[0] for _ in range(500)]
    for value in (v for v in values if math.isfinite(v)):
        for unit in ("m", "Pa s", "N/m", "kg/m^3", "1/s", "J", "N/m^3", "N s/m", "1/m", "m^3/s", "rad"):
            assert quantity(in_words(value, unit), unit) == value


def test_no_text_does_more_than_be_refused() -> None:
    source = random.Random(2)
    for _ in range(2000):
        text = "".join(source.choices("0123456789.e+- mukPasN/^*()²µ%°\n\"'\\_,xé١", k=source.randrange(12)))
        try:
            assert math.isfinite(length(text))
        except InputError as refused:
            assert str(refused)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "um",
        "3 um^9999",
        "3 9**9**9**9 m",
        "3 m/",
        "3 25 m",
        "3 __import__('os')",
        "3 degC",
        "3 m m m",
        "١ furz",
        "3 kB",
    ],
)
def test_what_is_no_length_is_refused_quickly(text: str) -> None:
    with pytest.raises(InputError):
        length(text)


def test_the_message_says_what_it_is_and_what_is_needed() -> None:
    with pytest.raises(InputError, match=r"'3 m' is a length, needs a dynamic viscosity, e.g. '1.2 mPa s'"):
        quantity("3 m", "Pa s")
    with pytest.raises(InputError, match="needs a time"):
        time("3 um")
    with pytest.raises(InputError, match="3 has no unit; write number and unit as text, a length such as '12 um'"):
        length(3)
