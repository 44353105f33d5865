"""Step sizes: RMSprop for the short parameter vectors, and the learning rate's schedule.

The weights' own step is part of `kernels.update_weights`, which shrinks them in
the same metric.
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
    """Rate of update number ``update`` (0-based): rising, flat, then geometric to the last."""
    risen = settings.warm_up * settings.n_updates
    if update < risen:
        return float(settings.learning_rate * _COLD ** (1 - update / risen))
    start = settings.decay_after * settings.n_updates
    if update <= start:
        return settings.learning_rate
    progress = (update - start) / max(settings.n_updates - 1 - start, 1.0)
    ratio = float(settings.final_learning_rate) / settings.learning_rate
    return float(settings.learning_rate * ratio ** min(progress, 1.0))


def penalty(settings: Settings, update: int) -> float:
    """Sparse penalty of update number ``update``: a linear ramp, then its full strength."""
    ramp = settings.l1_ramp * settings.n_updates
    return float(settings.l1) * min((update + 1) / ramp, 1.0) if ramp else float(settings.l1)


def bias_correction(decay: float, update: int) -> float:
    """What an average of squares started at zero must be multiplied by (Kingma & Ba 2015)."""
    return float(1.0 / (1.0 - decay ** (update + 1)))


def rmsprop(
    values: NDArray[np.floating],
    gradient: NDArray[np.floating],
    second_moment: NDArray[np.floating],
    rate: float | NDArray[np.floating],
    settings: Settings,
    update: int,
) -> None:
    """Climb ``gradient`` in place, each element scaled by its root mean square."""
    clipped = np.clip(gradient, -CLIP, CLIP)
    decay = settings.second_moment_decay
    second_moment *= decay
    second_moment += (1 - decay) * clipped**2
    root = np.sqrt(second_moment * bias_correction(decay, update))
    values += rate * clipped / (settings.epsilon + root)
