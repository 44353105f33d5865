"""Statistics of a training: pseudo-likelihoods, weights, and how the chains compare."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.compute.weights import DenseWeights
from napari_crbm.model.pseudo_likelihood import PseudoLikelihoodProbe
from napari_crbm.model.training import health
from napari_crbm.model.training.learner import Learner
from napari_crbm.model.training.monitor import Monitor, strong_members
from napari_crbm.spikes import Spikes

# Frames whose pseudo-likelihood is computed each time, of training and of held-out ones.
_PROBED_FRAMES = 240
_NEURONS_PER_FRAME = 16
# Names in the history of the pseudo-likelihoods of the parts of a recording.
_PSEUDO_LIKELIHOODS = {
    "train": "pseudo_likelihood",
    "test": "test_pseudo_likelihood",
    "validation": "validation_pseudo_likelihood",
}


class Evaluation:
    """Takes statistics of one training.

    Parameters
    ----------
    parts : dict of str to Spikes
        Frames for "train", and those for "test" and "validation" if there are any.
    learner : Learner
        The model before its next update.
    random_state : int
        Seed of the frames and neurons whose pseudo-likelihood is computed.
    resume : dict, optional
        State of the monitor, to continue bit for bit.
    """

    def __init__(
        self,
        parts: Mapping[str, Spikes],
        learner: Learner,
        random_state: int,
        resume: dict[str, Any] | None = None,
    ) -> None:
        self._probes = {
            name: PseudoLikelihoodProbe(
                parts[part], _NEURONS_PER_FRAME, random_state, max_frames=_PROBED_FRAMES
            )
            for part, name in _PSEUDO_LIKELIHOODS.items()
            if part in parts
        }
        if resume is None:
            followed = strong_members(learner.active.dense())
        else:
            followed = np.array(resume["neurons"], dtype=np.int64)
        self.monitor = Monitor(parts["train"], parts.get("test"), followed)
        if resume is not None:
            self.monitor.restore(resume)

    def record(self, learner: Learner) -> None:
        """Add the present states of the chains to the statistics."""
        backend = learner.backend
        hidden = backend.get(backend.mean(learner.inputs, learner.hidden.units()))
        self.monitor.record(backend.bits(learner.activity), len(hidden), hidden)

    def row(self, learner: Learner) -> dict[str, float]:
        """Compute the statistics of the model as it is, and of the chains since the last time."""
        units, active = learner.units(), learner.active
        weights, fields = active.dense(), learner.backend.get(learner.fields)
        peak = np.abs(weights).max(axis=0)
        model_activity, data_activity = learner.activities()
        return {
            **{
                name: probe.evaluate(DenseWeights(weights), fields, units)
                for name, probe in self._probes.items()
            },
            "model_activity": model_activity,
            "data_activity": data_activity,
            "mean_abs_weight": float(np.abs(weights).mean()),
            "weight_sparsity": float(np.mean(weights == 0)),
            "n_active_units": float((peak > health.ALIVE).sum()),
            "gradient_rms": active.gradient_rms(),
            **self.monitor.report(),
        }


def score(row: Mapping[str, float]) -> float:
    """Return the pseudo-likelihood that decides: on validation frames, if there are any.

    Never on test frames, which are to judge the model that is decided upon.
    """
    return row.get("validation_pseudo_likelihood", row.get("pseudo_likelihood", -np.inf))


def as_rows(history: Mapping[str, Any]) -> list[dict[str, float]]:
    """Turn columns of statistics into one dictionary per evaluation."""
    columns = {name: np.asarray(values) for name, values in history.items()}
    n_rows = len(next(iter(columns.values()))) if columns else 0
    return [{name: float(values[row]) for name, values in columns.items()} for row in range(n_rows)]


def as_columns(rows: list[dict[str, float]]) -> dict[str, NDArray[np.float64]]:
    """Turn one dictionary per evaluation into columns; what a row lacks is not a number."""
    names = dict.fromkeys(name for row in rows for name in row)
    nothing = float("nan")
    return {name: np.array([row.get(name, nothing) for row in rows]) for name in names}
