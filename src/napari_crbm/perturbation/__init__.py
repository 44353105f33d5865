"""Expected co-activity: what a model expects given silent or driven neurons or a held assembly."""

from napari_crbm.perturbation.answers import ENOUGH, Expected, expected
from napari_crbm.perturbation.between import LEAST_ASSEMBLY_CHANGE, LEAST_CHANGE
from napari_crbm.perturbation.cautions import MEANING
from napari_crbm.perturbation.comparison import Agreement, compare_with_recording
from napari_crbm.perturbation.course import (
    MEANING_IN_TIME,
    PredictedResponse,
    predicted_response,
)
from napari_crbm.perturbation.matched import matched_groups
from napari_crbm.perturbation.moments import Change
from napari_crbm.perturbation.perturbations import (
    DOSES,
    KINDS,
    STATES,
    Perturbation,
    dose_curve,
    drive,
    hold,
    silence,
)
from napari_crbm.perturbation.pool import Pool, draw_clamped, draw_pool
from napari_crbm.perturbation.recorded import LEVEL_QUANTILE, Recorded
from napari_crbm.perturbation.study import (
    Coactivity,
    coactivity,
    of_assembly,
    screen_assemblies,
    screen_regions,
)
from napari_crbm.perturbation.tables import tables

__all__ = [
    "DOSES",
    "ENOUGH",
    "KINDS",
    "LEAST_ASSEMBLY_CHANGE",
    "LEAST_CHANGE",
    "LEVEL_QUANTILE",
    "MEANING",
    "MEANING_IN_TIME",
    "STATES",
    "Agreement",
    "Change",
    "Coactivity",
    "Expected",
    "Perturbation",
    "Pool",
    "PredictedResponse",
    "Recorded",
    "coactivity",
    "compare_with_recording",
    "dose_curve",
    "draw_clamped",
    "draw_pool",
    "drive",
    "expected",
    "hold",
    "matched_groups",
    "of_assembly",
    "predicted_response",
    "screen_assemblies",
    "screen_regions",
    "silence",
    "tables",
]
