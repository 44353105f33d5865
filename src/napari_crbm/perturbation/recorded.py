"""What the recording shows, as far as questions to the model refer to it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.two_groups import active_threshold
from napari_crbm.spikes import Spikes

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.model.rbm import RBM

#: Level of a driven group by default, as a quantile of what the recording shows.
LEVEL_QUANTILE = 0.95
#: Free energies of this share of the recorded frames are the range of the recording.
FREE_ENERGY_SHARE = 0.99
_FRAMES_AT_ONCE = 512


class Recorded:
    """A model, the recording it was trained on, and what follows from both.

    Parameters
    ----------
    model : CRBM
    spikes : Spikes
        The recording.

    Raises
    ------
    ModelError
        If the recording has other neurons.
    """

    def __init__(self, model: CRBM, spikes: Spikes) -> None:
        self.model = model
        self.rbm: RBM = model.rbm_
        self.rbm.require_neurons(spikes)
        self.spikes = spikes

    @cached_property
    def inputs(self) -> NDArray[np.float32]:
        """Hidden inputs of all frames, (T, M)."""
        return self.rbm.inputs_h_from_v(self.spikes)

    @cached_property
    def activity(self) -> NDArray[np.float32]:
        """Activity E[h | v] of all frames, (T, M)."""
        with kernel_threads(self.rbm.n_threads):
            return self.rbm.hidden.mean(self.inputs)

    @cached_property
    def spread(self) -> NDArray[np.float64]:
        """Standard deviation of the activity of every assembly, (M,); 1 for a constant one."""
        spread = self.activity.std(axis=0, dtype=np.float64)
        return np.where(spread > 0, spread, 1.0)

    @cached_property
    def free_energy_range(self) -> tuple[float, float]:
        """Range of the free energies of `FREE_ENERGY_SHARE` of the frames."""
        outside = (1 - FREE_ENERGY_SHARE) / 2
        energies = self.rbm.free_energy(self.spikes)
        low, high = np.quantile(energies, (outside, 1 - outside))
        return float(low), float(high)

    @cached_property
    def held_out(self) -> NDArray[np.int64]:
        """Frames that the model was not trained on, ascending; none if there are no such."""
        split = self.model.split_
        own = self.model.recording_fingerprint_ in (None, self.spikes.fingerprint)
        if split is None or not own or split["test"].max(initial=0) >= self.spikes.n_frames:
            return np.empty(0, dtype=np.int64)
        return np.sort(split["test"])

    def level(self, neurons: NDArray[np.int64], quantile: float) -> int:
        """Return a quantile of the number of a group's neurons that are active in a frame."""
        counts = active_counts(self.spikes, neurons)
        return int(np.quantile(counts, quantile, method="higher"))

    def mode(self, assembly: int, *, on: bool) -> float:
        """Return the mean activity of an assembly over the frames in which it is on, or off."""
        course = self.activity[:, [assembly]]
        inside = (course > active_threshold(course)) == on
        return float(course[inside].mean(dtype=np.float64)) if inside.any() else 0.0


def active_counts(spikes: Spikes, neurons: NDArray[np.integer]) -> NDArray[np.int64]:
    """Count the active neurons of a group in every frame, (T,)."""
    counts = np.zeros(spikes.n_frames, dtype=np.int64)
    byte, bit = neurons // 8, (neurons % 8).astype(np.uint8)
    for start in range(0, spikes.n_frames, _FRAMES_AT_ONCE):
        here = slice(start, start + _FRAMES_AT_ONCE)
        counts[here] = ((spikes.packed[here][:, byte] >> bit) & 1).sum(axis=1, dtype=np.int64)
    return counts
