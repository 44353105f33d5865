"""Atlases, regions, brain outlines, and the parametric larval zebrafish."""

from napari_crbm.anatomy.colours import distinct_region_colours, region_colours
from napari_crbm.anatomy.enclosure import enclosing_surface
from napari_crbm.anatomy.fish import Anatomy, larval_fish
from napari_crbm.anatomy.outline import brain_outline
from napari_crbm.anatomy.tree import RegionNode, region_tree

__all__ = [
    "Anatomy",
    "RegionNode",
    "brain_outline",
    "distinct_region_colours",
    "enclosing_surface",
    "larval_fish",
    "region_colours",
    "region_tree",
]
