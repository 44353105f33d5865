"""Where neurons lie: the parametric fish, region colours and brain outlines."""

from napari_crbm.anatomy.colours import region_colours
from napari_crbm.anatomy.fish import Anatomy, larval_fish
from napari_crbm.anatomy.outline import brain_outline

__all__ = ["Anatomy", "brain_outline", "larval_fish", "region_colours"]
