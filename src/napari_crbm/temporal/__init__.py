"""The temporal model: a trained cRBM whose hidden units are driven by the past of assemblies."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_crbm.lazy import lazy_names

if TYPE_CHECKING:
    from napari_crbm.temporal.model import TemporalModel
    from napari_crbm.temporal.responses import Clamp, Courses, respond
    from napari_crbm.temporal.rollout import Forecast, continued, forecast
    from napari_crbm.temporal.settings import TemporalSettings
    from napari_crbm.temporal.training import TemporalTraining

_HOMES = {
    "model": ("TemporalModel",),
    "responses": ("Clamp", "Courses", "respond"),
    "rollout": ("Forecast", "continued", "forecast"),
    "settings": ("TemporalSettings",),
    "training": ("TemporalTraining",),
}

__all__ = [
    "Clamp",
    "Courses",
    "Forecast",
    "TemporalModel",
    "TemporalSettings",
    "TemporalTraining",
    "continued",
    "forecast",
    "respond",
]

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
