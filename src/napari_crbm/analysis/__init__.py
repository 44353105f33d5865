"""What a trained model says: assemblies, how well they are recovered, how well it fits."""

from napari_crbm.analysis.assemblies import (
    MEMBERSHIP_FRACTION,
    active_threshold,
    assemblies_of_neuron,
    assembly_table,
    member_table,
    members,
    membership,
    membership_thresholds,
    midline_x,
    region_occupancy,
    sort_by_similarity,
)
from napari_crbm.analysis.brain_states import BrainStates, brain_states, export_states
from napari_crbm.analysis.counterparts import (
    MATCH_BY,
    Counterparts,
    find_counterparts,
    have_same_neurons,
    ways_to_match,
)
from napari_crbm.analysis.evaluation import (
    NAMES,
    Evaluation,
    evaluate,
    evaluate_held_out,
    export_evaluation,
    reconstruction_nllh,
)
from napari_crbm.analysis.higher_order import (
    PopulationCount,
    population_count,
    random_triplets,
    triplet_moments,
)
from napari_crbm.analysis.lagged import LaggedComparison, compare_lagged, lagged_correlations
from napari_crbm.analysis.likelihood import Likelihood, held_out_likelihood
from napari_crbm.analysis.locality import Locality, locality
from napari_crbm.analysis.matching import (
    CHANCE_QUANTILE,
    Reproducibility,
    match_units,
    reproducibility,
    weight_cosines,
)
from napari_crbm.analysis.methods import METHODS, compare_methods
from napari_crbm.analysis.moments import STATISTICS, Moments, moments
from napari_crbm.analysis.nwb import export_nwb
from napari_crbm.analysis.pairs import PairComparison, coincidences, compare_pairs
from napari_crbm.analysis.rasters import Raster, assembly_raster, neuron_raster, peaks
from napari_crbm.analysis.recovery import (
    RECOVERED_AUROC,
    auroc,
    fraction_recovered,
    recovery,
)
from napari_crbm.analysis.states import (
    Composition,
    coactivation,
    combinations,
    composition,
    levels,
    occurrences,
    on_threshold,
    state_table,
)
from napari_crbm.analysis.sweep import Selection, Sweep, Trial, fold_frames, select
from napari_crbm.analysis.sweep_run import (
    SweepProgress,
    conclude_sweep,
    reproduced_units,
    run_sweep,
)
from napari_crbm.analysis.tables import export_tables, write_table
from napari_crbm.nrmse import Agreement, agreement

__all__ = [
    "CHANCE_QUANTILE",
    "MATCH_BY",
    "MEMBERSHIP_FRACTION",
    "METHODS",
    "NAMES",
    "RECOVERED_AUROC",
    "STATISTICS",
    "Agreement",
    "BrainStates",
    "Composition",
    "Counterparts",
    "Evaluation",
    "LaggedComparison",
    "Likelihood",
    "Locality",
    "Moments",
    "PairComparison",
    "PopulationCount",
    "Raster",
    "Reproducibility",
    "Selection",
    "Sweep",
    "SweepProgress",
    "Trial",
    "active_threshold",
    "agreement",
    "assemblies_of_neuron",
    "assembly_raster",
    "assembly_table",
    "auroc",
    "brain_states",
    "coactivation",
    "coincidences",
    "combinations",
    "compare_lagged",
    "compare_methods",
    "compare_pairs",
    "composition",
    "conclude_sweep",
    "evaluate",
    "evaluate_held_out",
    "export_evaluation",
    "export_nwb",
    "export_states",
    "export_tables",
    "find_counterparts",
    "fold_frames",
    "fraction_recovered",
    "have_same_neurons",
    "held_out_likelihood",
    "lagged_correlations",
    "levels",
    "locality",
    "match_units",
    "member_table",
    "members",
    "membership",
    "membership_thresholds",
    "midline_x",
    "moments",
    "neuron_raster",
    "occurrences",
    "on_threshold",
    "peaks",
    "population_count",
    "random_triplets",
    "reconstruction_nllh",
    "recovery",
    "region_occupancy",
    "reproduced_units",
    "reproducibility",
    "run_sweep",
    "select",
    "sort_by_similarity",
    "state_table",
    "triplet_moments",
    "ways_to_match",
    "weight_cosines",
    "write_table",
]
