"""Functional connectome: couplings of neurons, region maps, comparison of animals."""

from napari_crbm.analysis.chance import false_discovery_rate
from napari_crbm.connectome.comparison import (
    Comparison,
    compare_maps,
    similarity,
)
from napari_crbm.connectome.composition import (
    assembly_region_matrix,
    carriers,
    composition_table,
    enrichment_p,
    member_counts,
)
from napari_crbm.connectome.couplings import (
    coupling_factors,
    effective_couplings,
    group_couplings,
    hidden_response,
    perturbed_couplings,
)
from napari_crbm.connectome.enrichment import enriched_assemblies, enriched_regions, enrichment
from napari_crbm.connectome.grouping import RegionGroup, anatomical_groups
from napari_crbm.connectome.layout import circuit, cluster_order, region_centroids
from napari_crbm.connectome.means import mean_over_animals, mean_over_models
from napari_crbm.connectome.project import (
    Animal,
    add_to_project,
    kinds,
    load_project,
    of_kind,
    save_project,
)
from napari_crbm.connectome.regionmap import (
    MEASURES,
    MIN_NEURONS,
    RULES,
    RegionMap,
    activity_factors,
    activity_map,
    large_enough,
    region_map,
    strongest,
)
from napari_crbm.connectome.relocation import for_comparison, relocated_maps
from napari_crbm.connectome.structural import read_matrix
from napari_crbm.connectome.study import Study, compare_animals

__all__ = [
    "MEASURES",
    "MIN_NEURONS",
    "RULES",
    "Animal",
    "Comparison",
    "RegionGroup",
    "RegionMap",
    "Study",
    "activity_factors",
    "activity_map",
    "add_to_project",
    "anatomical_groups",
    "assembly_region_matrix",
    "carriers",
    "circuit",
    "cluster_order",
    "compare_animals",
    "compare_maps",
    "composition_table",
    "coupling_factors",
    "effective_couplings",
    "enriched_assemblies",
    "enriched_regions",
    "enrichment",
    "enrichment_p",
    "false_discovery_rate",
    "for_comparison",
    "group_couplings",
    "hidden_response",
    "kinds",
    "large_enough",
    "load_project",
    "mean_over_animals",
    "mean_over_models",
    "member_counts",
    "of_kind",
    "perturbed_couplings",
    "read_matrix",
    "region_centroids",
    "region_map",
    "relocated_maps",
    "save_project",
    "similarity",
    "strongest",
]
