"""Training frames on the device that a training runs on, and their batches."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.backends.protocol import Array, Backend, Weights
from napari_crbm.spikes import Spikes

_SHUFFLE = 0


class TrainingFrames:
    """The training frames, and the batch of them behind the current update.

    Parameters
    ----------
    spikes : Spikes
        Training frames (T, N).
    batch_size : int
        Frames of a batch; all frames if there are fewer.
    n_hidden : int
        Number of hidden units M.
    backend : Backend
        Where arrays lie.

    Attributes
    ----------
    raster
        The frames on the device.
    mean_activity : (N,) float32
    batch_activity
        Neurons of the batch, in the form in which the backend keeps activity.
    batch_inputs : (B, M) float32
        Hidden inputs of the batch.
    """

    def __init__(self, spikes: Spikes, batch_size: int, n_hidden: int, backend: Backend) -> None:
        self.spikes, self._backend = spikes, backend
        self.raster = backend.raster(spikes)
        self.mean_activity = backend.put(spikes.mean_activity.astype(np.float32))
        n_batch = min(batch_size, spikes.n_frames)
        no_bits = np.zeros((spikes.n_neurons, (n_batch + 63) // 64), np.uint64)
        self.batch_activity = backend.activity(no_bits, n_batch)
        self.batch_inputs = backend.put(np.empty((n_batch, n_hidden), dtype=np.float32))
        self._shuffled: tuple[int, NDArray[np.int64]] | None = None

    def take_batch(self, update: int, random_state: int, form: Weights) -> None:
        """Overwrite the batch with the frames of an update."""
        frames = self._batch(update, random_state)
        form.project_frames(self.raster, frames, self.batch_inputs)
        self._backend.take_frames(self.raster, frames, self.batch_activity)

    def _batch(self, update: int, random_state: int) -> NDArray[np.int64]:
        """Choose the frames of an update: each once per epoch, in shuffled order."""
        size = len(self.batch_inputs)
        per_epoch = max(self.spikes.n_frames // size, 1)
        epoch, position = divmod(update, per_epoch)
        if self._shuffled is None or self._shuffled[0] != epoch:
            generator = np.random.default_rng([random_state, _SHUFFLE, epoch])
            self._shuffled = (epoch, generator.permutation(self.spikes.n_frames))
        return self._shuffled[1][position * size : (position + 1) * size]

    def inputs(self, form: Weights, at_most: int | None = None) -> Array:
        """Compute the hidden inputs of all frames, or of some spread over them: (T, M) float32."""
        n_frames = self.spikes.n_frames
        frames = np.arange(n_frames)
        if at_most is not None:
            frames = np.linspace(0, n_frames - 1, min(at_most, n_frames)).astype(np.int64)
        inputs = self._backend.put(np.empty((len(frames), form.shape[1]), dtype=np.float32))
        form.project_frames(self.raster, frames, inputs)
        return inputs

    def correlate(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """Sum NumPy values (T, M) over the frames in which each neuron is active, (N, M)."""
        return self._backend.get(self._backend.correlate(self.raster, self._backend.put(values)))
