"""RMSprop for fields and hidden units, and the schedule of the learning rate.

The RMSprop step of the weights is part of the kernel `update_weights`, which shrinks them in the
same metric.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.training.settings import Settings

#: Gradients are clipped to this, element by element (paper's code).
CLIP = 1.0
# The warm-up starts at this share of the learning rate.
_COLD = 0.01


def learning_rate(settings: Settings, update: int) -> float:
    """Compute the learning rate of an update (0-based): rising, constant, geometric decay."""
    risen = settings.warm_up * settings.n_updates
    if update < risen:
        return float(settings.learning_rate * _COLD ** (1 - update / risen))
    start = settings.decay_after * settings.n_updates
    if update <= start:
        return settings.learning_rate
    progress = (update - start) / max(settings.n_updates - 1 - start, 1.0)
    ratio = float(settings.final_learning_rate) / settings.learning_rate
    return float(settings.learning_rate * ratio ** min(progress, 1.0))


def bias_correction(decay: float, update: int) -> float:
    """Compute the bias correction of a running mean that starts at zero (Kingma & Ba 2015)."""
    return float(1.0 / (1.0 - decay ** (update + 1)))


def rmsprop(
    values: NDArray[np.floating],
    gradient: NDArray[np.floating],
    second_moment: NDArray[np.floating],
    rate: float | NDArray[np.floating],
    settings: Settings,
    update: int,
) -> None:
    """Update values in place by RMSprop; ``update`` counts from the start of the running mean."""
    clipped = np.clip(gradient, -CLIP, CLIP)
    decay = settings.second_moment_decay
    second_moment *= decay
    second_moment += (1 - decay) * clipped**2
    root = np.sqrt(second_moment * bias_correction(decay, update))
    values += rate * clipped / (settings.epsilon + root)
