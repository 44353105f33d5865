"""From fluorescence to spikes; each step is a pure function."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_crbm.lazy import lazy_names

if TYPE_CHECKING:
    from napari_crbm.preprocessing.baseline import above_baseline, running_percentile
    from napari_crbm.preprocessing.deconvolution import DECAY_S, deconvolve
    from napari_crbm.preprocessing.run import (
        PROVENANCE,
        dropped_text,
        first_frame,
        frame_rate_hz,
        kept_frames,
        preprocess,
        steps_of,
    )
    from napari_crbm.preprocessing.sessions import join_sessions, split_sessions
    from napari_crbm.preprocessing.steps import (
        METHODS,
        Stages,
        Steps,
        frame_ranges,
        signal_to_noise,
        stages,
        zscore,
    )
    from napari_crbm.preprocessing.streaming import (
        Blocks,
        PreprocessingStopped,
        Progress,
        Stoppable,
        Waiting,
        stream,
    )
    from napari_crbm.preprocessing.threshold import (
        DEFAULT_THRESHOLD_SD,
        above,
        activity_warning,
        binarise,
        events,
        noise_sd,
    )

_HOMES = {
    "baseline": (
        "above_baseline",
        "running_percentile",
    ),
    "deconvolution": (
        "DECAY_S",
        "deconvolve",
    ),
    "run": (
        "PROVENANCE",
        "dropped_text",
        "first_frame",
        "frame_rate_hz",
        "kept_frames",
        "preprocess",
        "steps_of",
    ),
    "sessions": (
        "join_sessions",
        "split_sessions",
    ),
    "steps": (
        "METHODS",
        "Stages",
        "Steps",
        "frame_ranges",
        "signal_to_noise",
        "stages",
        "zscore",
    ),
    "streaming": (
        "Blocks",
        "PreprocessingStopped",
        "Progress",
        "Stoppable",
        "Waiting",
        "stream",
    ),
    "threshold": (
        "DEFAULT_THRESHOLD_SD",
        "above",
        "activity_warning",
        "binarise",
        "events",
        "noise_sd",
    ),
}

__all__ = [
    "DECAY_S",
    "DEFAULT_THRESHOLD_SD",
    "METHODS",
    "PROVENANCE",
    "Blocks",
    "PreprocessingStopped",
    "Progress",
    "Stages",
    "Steps",
    "Stoppable",
    "Waiting",
    "above",
    "above_baseline",
    "activity_warning",
    "binarise",
    "deconvolve",
    "dropped_text",
    "events",
    "first_frame",
    "frame_ranges",
    "frame_rate_hz",
    "join_sessions",
    "kept_frames",
    "noise_sd",
    "preprocess",
    "running_percentile",
    "signal_to_noise",
    "split_sessions",
    "stages",
    "steps_of",
    "stream",
    "zscore",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
