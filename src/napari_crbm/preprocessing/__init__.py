"""Fluorescence to spikes; each step a pure function."""

from napari_crbm.preprocessing.threshold import (
    DEFAULT_THRESHOLD_SD,
    activity_warning,
    binarise,
    events,
    noise_sd,
)

__all__ = ["DEFAULT_THRESHOLD_SD", "activity_warning", "binarise", "events", "noise_sd"]
