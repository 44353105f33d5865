"""Brightness of neurons at a frame: activity fades over half a second, to be visible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.recording import Recording

# Time constant of the fading; at least one frame.
_FADING_S = 0.5
_MOST_FRAMES = 8
# More points would take longer than a few hundredths of a second to change.
_MOST_NEURONS = 6000


def fading_activity(recording: Recording, frame: int) -> NDArray[np.float32]:
    """Return the brightness (N,) of neurons at a frame: 1 if active, exp(-age / 0.5 s) after."""
    fading_s = max(_FADING_S, recording.frame_interval_s or _FADING_S)
    n_frames = 1 + int(3 * fading_s / (recording.frame_interval_s or fading_s))
    brightness = np.zeros(recording.n_neurons, dtype=np.float32)
    starts, active = recording.spikes.by_frame
    first = max(0, frame - min(n_frames, _MOST_FRAMES) + 1)
    for earlier in range(first, frame + 1):
        if earlier < frame and starts[frame + 1] - starts[earlier] > _MOST_NEURONS:
            continue
        age_s = recording.times[frame] - recording.times[earlier]
        brightness[active[starts[earlier] : starts[earlier + 1]]] = np.exp(-age_s / fading_s)
    return brightness
