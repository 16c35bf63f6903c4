"""The look that all figures share: font, colours, axes; and how a figure becomes a PNG."""

from __future__ import annotations

import io
from typing import Any

DPI = 160
INK = "#22303c"
FAINT = "#8a97a3"
WALL = "#3b4752"
TISSUE = "#f3efe9"
CELL = (0.80, 0.16, 0.30)
SERIES = ("#c8294d", "#1f6fb4", "#2f9e6e", "#e08a1e", "#7b5cc4", "#4a5560")
_STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.titlesize": 9.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "grid.color": "#e3e7eb",
    "grid.linewidth": 0.6,
}


def styled() -> Any:
    """Context in which figures are made and drawn with the shared look, whatever the user's settings are."""
    import matplotlib

    defaults: dict[Any, Any] = dict(matplotlib.rcParamsDefault)
    return matplotlib.rc_context({**defaults, **_STYLE, "backend": "agg"})


def figure(width: float, height: float) -> Any:
    """An empty figure (inches) that belongs to no window."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), facecolor="white")


def lumen_colours() -> Any:
    """Colour map of the fluid: from nearly white to deep blue, transparent outside."""
    from matplotlib.colors import LinearSegmentedColormap

    stops = ["#f4fafd", "#cfe6f3", "#93c6e4", "#4c9bcb", "#1f6aa8", "#123f74", "#0a2348"]
    return LinearSegmentedColormap.from_list("lumen", stops).with_extremes(bad=(0, 0, 0, 0))


def plain_axes(axes: Any, title: str, label: str) -> None:
    """Axes with a title, a label, horizontal lines and no frame above and to the right."""
    axes.set_title(title)
    axes.set_ylabel(label)
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.margins(x=0.01)


def png(fig: Any) -> bytes:
    """The figure as PNG."""
    buffer = io.BytesIO()
    fig.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", metadata={"Software": "hemoflow"})
    return buffer.getvalue()
