"""Analysis of a trained model: its assemblies, how well it fits, how far to trust it.

The subpackages are `statistics` (data against model), `assemblies` (members, places, tables),
`states` (combinations), `courses` (stimuli, behaviour, events), `matching` (several models, two
animals, planted assemblies), `groups` (groups of neurons), `selection` (sweeps over settings),
`evidence` (assemblies beyond chance), `methods` (PCA, ICA, NMF, k-means) and `export`.
Public names are imported here when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_crbm.lazy import lazy_names

if TYPE_CHECKING:
    from napari_crbm.analysis.assemblies.centres import assembly_centres
    from napari_crbm.analysis.assemblies.enrichment import region_enrichment
    from napari_crbm.analysis.assemblies.locality import Locality, locality
    from napari_crbm.analysis.assemblies.membership import (
        find_missing_members,
        members_of,
        membership,
    )
    from napari_crbm.analysis.assemblies.order import sort_by_similarity
    from napari_crbm.analysis.assemblies.rasters import (
        Raster,
        assembly_raster,
        neuron_raster,
        peaks,
    )
    from napari_crbm.analysis.assemblies.regions import (
        midline_x,
        region_in_words,
        region_occupancy,
        region_shares,
    )
    from napari_crbm.analysis.assemblies.table import (
        assemblies_of_neuron,
        assembly_table,
        member_table,
    )
    from napari_crbm.analysis.chance import CHANCE_QUANTILE
    from napari_crbm.analysis.courses.course import (
        Course,
        assembly_course,
        neuron_course,
        stored_course,
    )
    from napari_crbm.analysis.courses.events import Triggered, onsets
    from napari_crbm.analysis.courses.following import Following, follow_course
    from napari_crbm.analysis.courses.responses import Responses, event_responses
    from napari_crbm.analysis.courses.tables import export_tuning, tuning_table
    from napari_crbm.analysis.dreams.discrimination import Discrimination, discriminate
    from napari_crbm.analysis.dreams.export import export_dream
    from napari_crbm.analysis.dreams.making import Dream, held_state, movie, snapshots
    from napari_crbm.analysis.evidence.assessment import Evidence, assembly_evidence
    from napari_crbm.analysis.evidence.counted import counted_assemblies, counted_in_words
    from napari_crbm.analysis.export.nwb import export_nwb
    from napari_crbm.analysis.export.tables import export_tables, write_table
    from napari_crbm.analysis.forecasts.directions import Directions, find_directions
    from napari_crbm.analysis.forecasts.scores import ForecastScores, score_forecasts
    from napari_crbm.analysis.forecasts.tables import (
        coupling_table,
        direction_table,
        export_forecasts,
        lag_table,
    )
    from napari_crbm.analysis.groups.comparison import GroupComparison, compare_groups
    from napari_crbm.analysis.groups.course import group_course, strongest_neurons
    from napari_crbm.analysis.health.finding import Finding
    from napari_crbm.analysis.health.mend import leaving_out
    from napari_crbm.analysis.health.report import Health, recording_health
    from napari_crbm.analysis.matching.counterparts import (
        MATCH_BY,
        Counterparts,
        find_counterparts,
        have_same_neurons,
        ways_to_match,
    )
    from napari_crbm.analysis.matching.halves import (
        Reproducibility,
        compare_halves,
        half_frames,
        reproducibility,
    )
    from napari_crbm.analysis.matching.recovery import (
        RECOVERED_AUROC,
        auroc,
        fraction_recovered,
        model_recovery,
        recovery,
    )
    from napari_crbm.analysis.matching.stability import (
        Stability,
        match_units,
        stability,
        weight_cosines,
    )
    from napari_crbm.analysis.methods.comparison import BETTER, METHODS, compare_methods
    from napari_crbm.analysis.selection.folds import Folds
    from napari_crbm.analysis.selection.run import (
        SweepProgress,
        conclude_sweep,
        run_sweep,
        stable_units,
    )
    from napari_crbm.analysis.selection.sweep import Selection, Sweep, Trial, select
    from napari_crbm.analysis.states.brain_states import BrainStates, brain_states, export_states
    from napari_crbm.analysis.states.combinations import (
        Composition,
        coactivation,
        combinations,
        composition,
        levels,
        occurrences,
        on_threshold,
        state_table,
    )
    from napari_crbm.analysis.statistics.drift import Drift, held_out_drift
    from napari_crbm.analysis.statistics.evaluation import Evaluation, evaluate, evaluate_held_out
    from napari_crbm.analysis.statistics.higher_order import (
        PopulationCount,
        population_count,
        random_triplets,
        triplet_moments,
    )
    from napari_crbm.analysis.statistics.lagged import (
        LaggedComparison,
        compare_lagged,
        lagged_correlations,
    )
    from napari_crbm.analysis.statistics.likelihood import Likelihood, held_out_likelihood
    from napari_crbm.analysis.statistics.moments import Moments, moments
    from napari_crbm.analysis.statistics.pairs import PairComparison, coincidences, compare_pairs
    from napari_crbm.analysis.statistics.reconstruction import reconstruction_nllh
    from napari_crbm.analysis.statistics.registry import STATISTICS, Side, Statistic
    from napari_crbm.analysis.statistics.tables import export_evaluation
    from napari_crbm.analysis.statistics.verdict import Outcome, Verdict
    from napari_crbm.model.compute.two_groups import active_threshold
    from napari_crbm.nrmse import Agreement, agreement

_HOMES = {
    "assemblies.centres": ("assembly_centres",),
    "assemblies.enrichment": ("region_enrichment",),
    "assemblies.locality": ("Locality", "locality"),
    "assemblies.membership": ("find_missing_members", "members_of", "membership", "model_recovery"),
    "assemblies.order": ("sort_by_similarity",),
    "assemblies.rasters": ("Raster", "assembly_raster", "neuron_raster", "peaks"),
    "assemblies.regions": ("midline_x", "region_in_words", "region_occupancy", "region_shares"),
    "assemblies.table": ("assemblies_of_neuron", "assembly_table", "member_table"),
    "chance": ("CHANCE_QUANTILE",),
    "courses.course": ("Course", "assembly_course", "neuron_course", "stored_course"),
    "courses.events": ("Triggered", "onsets"),
    "courses.following": ("Following", "follow_course"),
    "courses.responses": ("Responses", "event_responses"),
    "courses.tables": ("export_tuning", "tuning_table"),
    "dreams.discrimination": ("Discrimination", "discriminate"),
    "dreams.export": ("export_dream",),
    "dreams.making": ("Dream", "held_state", "movie", "snapshots"),
    "evidence.assessment": ("Evidence", "Folds", "assembly_evidence"),
    "evidence.counted": ("counted_assemblies", "counted_in_words"),
    "export.nwb": ("export_nwb",),
    "export.tables": ("export_tables", "write_table"),
    "forecasts.directions": ("Directions", "find_directions"),
    "forecasts.scores": ("ForecastScores", "score_forecasts"),
    "forecasts.tables": ("coupling_table", "direction_table", "export_forecasts", "lag_table"),
    "groups.comparison": ("GroupComparison", "compare_groups"),
    "groups.course": ("group_course", "strongest_neurons"),
    "health.finding": ("Finding",),
    "health.mend": ("leaving_out",),
    "health.report": ("Health", "recording_health"),
    "matching.counterparts": (
        "Counterparts",
        "MATCH_BY",
        "find_counterparts",
        "have_same_neurons",
        "held_out_drift",
        "ways_to_match",
    ),
    "matching.recovery": (
        "RECOVERED_AUROC",
        "auroc",
        "fraction_recovered",
        "model_recovery",
        "recovery",
    ),
    "matching.halves": ("Reproducibility", "compare_halves", "half_frames", "reproducibility"),
    "matching.stability": ("Stability", "match_units", "stability", "weight_cosines"),
    "methods.comparison": ("BETTER", "METHODS", "compare_methods"),
    "selection.folds": ("Folds",),
    "selection.run": ("SweepProgress", "conclude_sweep", "stable_units", "run_sweep"),
    "selection.sweep": ("Selection", "Sweep", "Trial", "select"),
    "states.brain_states": ("BrainStates", "brain_states", "export_states"),
    "states.combinations": (
        "Composition",
        "coactivation",
        "combinations",
        "composition",
        "levels",
        "occurrences",
        "on_threshold",
        "state_table",
    ),
    "statistics.drift": ("Drift", "held_out_drift"),
    "statistics.evaluation": ("Evaluation", "evaluate", "evaluate_held_out"),
    "statistics.higher_order": (
        "PopulationCount",
        "population_count",
        "random_triplets",
        "triplet_moments",
    ),
    "statistics.lagged": ("LaggedComparison", "compare_lagged", "lagged_correlations"),
    "statistics.likelihood": ("Likelihood", "held_out_likelihood"),
    "statistics.registry": ("STATISTICS", "Side", "Statistic"),
    "statistics.moments": ("Moments", "moments"),
    "statistics.pairs": ("PairComparison", "coincidences", "compare_pairs"),
    "statistics.reconstruction": ("reconstruction_nllh",),
    "statistics.tables": ("export_evaluation",),
    "statistics.verdict": ("Outcome", "Verdict"),
    "napari_crbm.model.compute.two_groups": ("active_threshold",),
    "napari_crbm.nrmse": ("Agreement", "agreement"),
}

__all__ = [
    "BETTER",
    "CHANCE_QUANTILE",
    "MATCH_BY",
    "METHODS",
    "RECOVERED_AUROC",
    "STATISTICS",
    "Agreement",
    "BrainStates",
    "Composition",
    "Counterparts",
    "Course",
    "Directions",
    "Discrimination",
    "Dream",
    "Drift",
    "Evaluation",
    "Evidence",
    "Finding",
    "Folds",
    "Following",
    "ForecastScores",
    "GroupComparison",
    "Health",
    "LaggedComparison",
    "Likelihood",
    "Locality",
    "Moments",
    "Outcome",
    "PairComparison",
    "PopulationCount",
    "Raster",
    "Reproducibility",
    "Responses",
    "Selection",
    "Side",
    "Stability",
    "Statistic",
    "Sweep",
    "SweepProgress",
    "Trial",
    "Triggered",
    "Verdict",
    "active_threshold",
    "agreement",
    "assemblies_of_neuron",
    "assembly_centres",
    "assembly_course",
    "assembly_evidence",
    "assembly_raster",
    "assembly_table",
    "auroc",
    "brain_states",
    "coactivation",
    "coincidences",
    "combinations",
    "compare_groups",
    "compare_halves",
    "compare_lagged",
    "compare_methods",
    "compare_pairs",
    "composition",
    "conclude_sweep",
    "counted_assemblies",
    "counted_in_words",
    "coupling_table",
    "direction_table",
    "discriminate",
    "evaluate",
    "evaluate_held_out",
    "event_responses",
    "export_dream",
    "export_evaluation",
    "export_forecasts",
    "export_nwb",
    "export_states",
    "export_tables",
    "export_tuning",
    "find_counterparts",
    "find_directions",
    "find_missing_members",
    "follow_course",
    "fraction_recovered",
    "group_course",
    "half_frames",
    "have_same_neurons",
    "held_out_drift",
    "held_out_likelihood",
    "held_state",
    "lag_table",
    "lagged_correlations",
    "leaving_out",
    "levels",
    "locality",
    "match_units",
    "member_table",
    "members_of",
    "membership",
    "midline_x",
    "model_recovery",
    "moments",
    "movie",
    "neuron_course",
    "neuron_raster",
    "occurrences",
    "on_threshold",
    "onsets",
    "peaks",
    "population_count",
    "random_triplets",
    "reconstruction_nllh",
    "recording_health",
    "recovery",
    "region_enrichment",
    "region_in_words",
    "region_occupancy",
    "region_shares",
    "reproducibility",
    "run_sweep",
    "score_forecasts",
    "select",
    "snapshots",
    "sort_by_similarity",
    "stability",
    "stable_units",
    "state_table",
    "stored_course",
    "strongest_neurons",
    "triplet_moments",
    "tuning_table",
    "ways_to_match",
    "weight_cosines",
    "write_table",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
