"""First and second moments of neurons and hidden units (paper, "Evaluation").

Training matches the means <v>, <h> and <vh>; the covariances of neurons and of hidden units are
predictions. Distances are measured by the nRMSE: 0 if the model predicts the held-out frames as
well as the training frames do, 1 if it is no better than chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.errors import ModelError
from napari_crbm.spikes import Spikes

_FRAMES_AT_ONCE = 2048


@dataclass(frozen=True, eq=False)
class Moments:
    """Statistics of neurons and hidden units over some frames.

    Parameters
    ----------
    n_frames : int
    mean_v : (N,) float64
        Activity of every neuron.
    mean_h : (M,) float64
        Mean of E[h | v].
    mean_vh : (N, M) float32, float64 if resampled
        Mean of v E[h | v], a raw second moment.
    cov_vv : (P (P - 1) / 2,) float32, float64 if resampled
        Covariances of all pairs i < j of the chosen neurons, row by row.
    cov_hh : (M (M - 1) / 2,) float64
        Covariances of E[h | v] over pairs of hidden units.
    """

    n_frames: int
    mean_v: NDArray[np.float64]
    mean_h: NDArray[np.float64]
    mean_vh: NDArray[np.floating]
    cov_vv: NDArray[np.floating]
    cov_hh: NDArray[np.float64]


def moments(
    spikes: Spikes, activity: NDArray[np.floating], neurons: NDArray[np.integer] | None = None
) -> Moments:
    """Compute the moments of some frames.

    Counts of spikes and of coincidences are exact integers; sums over hidden activity are
    computed in float64.

    Parameters
    ----------
    spikes : Spikes
        T frames x N neurons.
    activity : (T, M) float array
        E[h | v] of the same frames.
    neurons : int array, optional
        Neurons whose pairs enter ``cov_vv``; all by default, which takes N^2 memory.
    """
    if len(activity) != spikes.n_frames:
        raise ModelError(
            f"The activity has {len(activity)} frames, the spikes {spikes.n_frames}: "
            "compute it with model.transform(spikes)."
        )
    n_frames = spikes.n_frames
    hidden = np.asarray(activity, dtype=np.float64)
    indptr, indices = spikes.by_frame
    raster = sparse.csr_array(
        (np.ones(len(indices), dtype=np.float64), indices, indptr), shape=spikes.shape
    )
    mean_h = hidden.mean(axis=0)
    centred = hidden - mean_h
    first, second = np.triu_indices(hidden.shape[1], k=1)
    return Moments(
        n_frames=n_frames,
        mean_v=spikes.mean_activity,
        mean_h=mean_h,
        mean_vh=(np.asarray(raster.T @ hidden) / n_frames).astype(np.float32),
        cov_vv=_pair_covariances(spikes, neurons),
        cov_hh=(centred.T @ centred / n_frames)[first, second],
    )


def _pair_covariances(spikes: Spikes, neurons: NDArray[np.integer] | None) -> NDArray[np.float32]:
    chosen = np.arange(spikes.n_neurons) if neurons is None else np.asarray(neurons)
    together = np.zeros((len(chosen), len(chosen)))
    for block in spikes.iter_dense(_FRAMES_AT_ONCE):
        # Coincidences in a block are integers far below 2^24, so float32 is exact.
        part = block[:, chosen].astype(np.float32)
        together += part.T @ part
    together /= spikes.n_frames
    mean = spikes.mean_activity[chosen]
    return np.concatenate(
        [
            (together[i, i + 1 :] - mean[i] * mean[i + 1 :]).astype(np.float32)
            for i in range(len(chosen))
        ]
    )
