"""Hidden units by the functions of an array module, made once for every module and type."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from napari_crbm.model.units.protocol import ArrayUnits, HiddenUnits


def units_on(xp: Any, units: HiddenUnits) -> ArrayUnits:
    """Return the mathematics of these units for the array module ``xp``."""
    return _made(xp, type(units))


@lru_cache(maxsize=8)
def _made(xp: Any, unit_class: type[HiddenUnits]) -> ArrayUnits:
    return unit_class.on_arrays(xp)
