"""Checks of a running training, and messages: collapse, divergence, odd statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import TrainingCollapsed, TrainingDiverged
from napari_crbm.model.training.settings import Settings, default_l1
from napari_crbm.model.units.protocol import TrainingUnits
from napari_crbm.spikes import Spikes

#: A hidden unit whose weights are all within this is idle.
ALIVE = 0.05
# Sum of learning rates after which weights that are still almost zero stay so.
_REACH = 2.0
# Absolute cosine of two columns of weights above which they are the same assembly.
_ALIKE = 0.95
# Weights beyond this have diverged.
_EXPLODED = 50.0


#: Said of a training whose recording has no component beyond chance.
NO_ASSEMBLIES = (
    "The recording shows no assemblies beyond chance: its neurons are no more correlated than "
    "the same neurons, each shifted in time by a different amount. What the hidden units learn may "
    "be chance."
)


def warning(
    history: Sequence[Mapping[str, float]], n_hidden: int, settings: Settings
) -> str | None:
    """Say what looks wrong in the latest statistics of a training that should have settled."""
    latest = history[-1]
    if latest["n_active_units"] < 0.5 * min(history[0]["n_active_units"], 10):
        n_left = latest["n_active_units"]
        left = f"Only {n_left:.0f}" if n_left else "None"
        return (
            f"{left} of {n_hidden} hidden units still {'has' if n_left == 1 else 'have'} weights: "
            f"the penalty (l1 = {settings.l1:.3g}) may be too strong for this recording."
        )
    ratio = latest["model_activity"] / latest["data_activity"]
    if 0.5 < ratio < 2:
        return None
    # No number in the text: it would be a new warning at every evaluation.
    return (
        f"The model's neurons are {'much more' if ratio > 1 else 'much less'} active than the "
        "recorded ones. If this stays, use a lower learning rate or more Gibbs steps."
    )


def idle_units(weights: NDArray[np.float32]) -> list[int]:
    """Find hidden units whose weights (N, M) are all almost zero."""
    return np.flatnonzero(np.abs(weights).max(axis=0) <= ALIVE).tolist()


def duplicate_units(weights: NDArray[np.float32]) -> list[tuple[int, int]]:
    """Find pairs of hidden units whose weights (N, M) are parallel or antiparallel."""
    norms = np.linalg.norm(weights, axis=0)
    directions = weights / np.where(norms > 0, norms, 1)
    alike = np.abs(directions.T @ directions) > _ALIKE
    alike[idle_units(weights)] = False
    first, second = np.nonzero(np.triu(alike, 1))
    return list(zip(first.tolist(), second.tolist(), strict=True))


def spare_units(weights: NDArray[np.float32]) -> str | None:
    """Say which units of trained weights (N, M) are idle or duplicates; None if there are none."""
    idle, pairs = idle_units(weights), duplicate_units(weights)
    if not idle and not pairs:
        return None
    found = []
    if idle:
        found.append(f"{_numbered(idle)} idle (no weight above {ALIVE})")
    if pairs:
        duplicates = ", ".join(f"{a} and {b}" for a, b in pairs[:5])
        found.append(f"pairs of assemblies are nearly the same ({duplicates})")
    spare = len(idle) + len({b for _, b in pairs})
    return (
        f"Of {weights.shape[1]} assemblies, {' and '.join(found)}. This does no harm; a model with "
        f"{weights.shape[1] - spare} assemblies would be equivalent."
    )


def _numbered(units: list[int]) -> str:
    if len(units) == 1:
        return f"number {units[0]} is"
    names = ", ".join(str(unit) for unit in units[:5])
    return f"{len(units)} (numbers {names}{', ...' if len(units) > 5 else ''}) are"


def returned(diverged_at: int, update: int, rate: float) -> str:
    """Say that a training has returned to an earlier state."""
    return (
        f"The training diverged at update {diverged_at:,}. It returned to its best state, at "
        f"update {update:,}, and continues from there with a lower learning rate ({rate:.2g})."
    )


def mended(ended_at: int, update: int | None) -> str:
    """Say that the model generated a spurious state, and what followed."""
    found = "The model generated activity that the recording does not show (a spurious state)"
    if update is None:
        return f"{found}, and training again did not remove it. Do not use its samples."
    return (
        f"{found} after update {ended_at:,}. Training went back to update {update:,}, with this "
        "activity in its chains, to remove it."
    )


def check(
    peak: float,
    hidden: TrainingUnits,
    train: Spikes,
    settings: Settings,
    update: int,
) -> None:
    """Raise an error when weights, of which ``peak`` is the largest, vanish or diverge.

    Raises
    ------
    TrainingDiverged, TrainingCollapsed
    """
    beyond_reach = peak < ALIVE and update * settings.learning_rate > _REACH
    empty_in_the_end = peak < float(settings.final_learning_rate) and update >= settings.n_updates
    if not np.isfinite(peak) or not np.isfinite(np.stack(list(hidden))).all():
        found = "parameters are no longer numbers"
    elif peak > _EXPLODED:
        found = f"the largest weight is {peak:.3g}"
    elif beyond_reach or empty_in_the_end:
        raise TrainingCollapsed(_collapse(train, settings, update))
    else:
        return
    raise diverged(update, found)


def diverged(update: int, found: str) -> TrainingDiverged:
    """Make the error of a diverged training."""
    return TrainingDiverged(
        f"Training diverged at update {update:,}: {found}. "
        "Lower the learning rate (for example to a fifth) and train again."
    )


def _collapse(train: Spikes, settings: Settings, update: int) -> str:
    suggested = default_l1(train)
    text = (
        f"All weights have gone to zero by update {update:,}: the penalty "
        f"(l1 = {settings.l1:.3g}) outweighs everything this recording shows. "
    )
    if float(settings.l1) > suggested:
        return text + (
            f"For its activity ({100 * train.rate:.2f} %) and length, l1 = {suggested:.2g} is "
            "suitable; leave it on automatic to get that."
        )
    return text + (
        "The penalty is not large for its activity and length, so there may be no assemblies "
        "beyond chance: check how the activity was binarised, or record longer."
    )
