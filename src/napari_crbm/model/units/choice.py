"""The type of hidden unit that models have."""

from __future__ import annotations

from napari_crbm.model.units.drelu import DRELU
from napari_crbm.model.units.protocol import UnitType

#: Type of the hidden units of a model, unless a training is given another one.
DEFAULT: UnitType = DRELU
