"""Error bits that the compiled loop sets and the run turns into words and remedies."""

from __future__ import annotations

NOT_FINITE = 1
NEGATIVE_DENSITY = 2
TOO_FAST = 4
VOLUME = 8
FOLDED = 16
THROUGH_WALL = 32
INSIDE_CELL = 64
OUT_OF_LUMEN = 128
CROWDED = 256

MEANING = {
    NOT_FINITE: ("a value is not finite", "use a smaller time step or node spacing, or a softer cell"),
    NEGATIVE_DENSITY: ("the density is negative", "use a smaller pressure, time step or density scale"),
    TOO_FAST: ("the flow exceeds Mach 0.3 on the lattice", "lower resolution.max_reynolds or the time step"),
    VOLUME: ("a cell's volume is off by more than 5 %", "use a smaller time step or more nodes across the cell"),
    FOLDED: ("a membrane is folded on itself", "use more bending stiffness, more vertices or a smaller time step"),
    THROUGH_WALL: ("a vertex is behind the wall", "raise contact.strength or lower the time step"),
    INSIDE_CELL: (
        "a vertex is inside another cell",
        "raise contact.strength or contact.cell_range, or lower the time step",
    ),
    OUT_OF_LUMEN: (
        "a cell has left the lumen other than by being taken out at an opening",
        "make the vessel longer beyond the place, or lower the time step",
    ),
    CROWDED: (
        "the search for neighbours has too little room",
        "use fewer cells, or cells with a finer or more even mesh",
    ),
}


def describe(bits: int) -> list[tuple[str, str]]:
    """What each set bit means, with its remedy."""
    return [words for bit, words in MEANING.items() if bits & bit]
