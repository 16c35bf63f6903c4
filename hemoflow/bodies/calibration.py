"""How much larger the fluid feels a body than the surface on which its markers lie, for every kernel."""

from __future__ import annotations

from collections.abc import Mapping

EXCESS_RADIUS: Mapping[int, float] = {2: 0.0, 3: 0.0, 4: 0.0}
"""Hydrodynamic radius less that of the markers, node spacings, by the width of the kernel."""
