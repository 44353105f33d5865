"""The double-ReLU hidden unit, the type that compositional RBMs are made of."""

from napari_crbm.model.units.drelu.moments import Moments
from napari_crbm.model.units.drelu.standardised import Standardised
from napari_crbm.model.units.drelu.units import DReLU
from napari_crbm.model.units.protocol import UnitType

DRELU = UnitType(Standardised)

__all__ = ["DRELU", "DReLU", "Moments", "Standardised"]
