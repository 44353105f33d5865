"""How activity fades after a frame, so that a flash of one frame is seen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.recording import Recording

# A flash of one frame is hard to see; it fades over this time, and at least a frame.
_GLOW_S = 0.5
_MOST_GLOWING_FRAMES = 8
# So many points can be changed in a few hundredths of a second.
_MOST_GLOWING_NEURONS = 6000


def fading_activity(recording: Recording, frame: int) -> NDArray[np.float32]:
    """How brightly every neuron glows at a frame, (N,): 1 if active, less some time after."""
    fading_s = max(_GLOW_S, recording.frame_interval_s or _GLOW_S)
    n_frames = 1 + int(3 * fading_s / (recording.frame_interval_s or fading_s))
    brightness = np.zeros(recording.n_neurons, dtype=np.float32)
    starts, active = recording.spikes.by_frame
    first = max(0, frame - min(n_frames, _MOST_GLOWING_FRAMES) + 1)
    for earlier in range(first, frame + 1):
        if earlier < frame and starts[frame + 1] - starts[earlier] > _MOST_GLOWING_NEURONS:
            continue
        age_s = recording.times[frame] - recording.times[earlier]
        brightness[active[starts[earlier] : starts[earlier + 1]]] = np.exp(-age_s / fading_s)
    return brightness
