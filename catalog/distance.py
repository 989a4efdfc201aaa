"""How far it is from the shop to a pin on the map. Pure, whole metres."""

from __future__ import annotations

import math
from typing import Final

EARTH_M: Final = 6_371_009
"""Mean radius of the Earth in metres (IUGG)."""


def metres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> int:
    """The distance over the ground between two points given in degrees, by the haversine formula.

    The Earth is taken as a sphere: off by at most half a percent, which is less than a road's bends.
    """
    here, there = math.radians(latitude), math.radians(other_latitude)
    up, along = there - here, math.radians(other_longitude - longitude)
    half = math.sin(up / 2) ** 2 + math.cos(here) * math.cos(there) * math.sin(along / 2) ** 2
    return round(2 * EARTH_M * math.asin(math.sqrt(min(1.0, half))))
