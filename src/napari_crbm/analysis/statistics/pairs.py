r"""Compare the covariances of all pairs of neurons without storing them.

Activity is packed into bits, 64 frames per word, so that the number of frames in which two
neurons are active together is the exact count of bits of a bitwise *and*. Pairs are visited in
square tiles of neurons, which fit into the processor's cache; only sums of errors and a
two-dimensional histogram are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.statistics import pair_kernels
from napari_crbm.analysis.statistics.pair_kernels import TILE
from napari_crbm.errors import ModelError
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.nrmse import Agreement, agreement_of_sums
from napari_crbm.spikes import Spikes

# The words of a row are padded to a multiple of this, the width of a vector instruction.
_VECTOR = 8
# Tiles counted between two reports of progress.
_TILES_AT_ONCE = 4096
_BINS = 100
# Share of sampled pairs outside the histogram's range at each end.
_TAIL = 5e-4
_SAMPLED_NEURONS = 600


def coincidences(spikes: Spikes) -> NDArray[np.int64]:
    """Count the frames in which two neurons are both active, (N, N); for moderate N only."""
    out = np.empty((spikes.n_neurons, spikes.n_neurons), dtype=np.int64)
    with kernel_threads():
        pair_kernels.coincidences(_padded(spikes), out)
    return out


@dataclass(frozen=True, eq=False)
class PairComparison:
    """Covariances of all pairs of neurons, in model and held-out frames.

    Parameters
    ----------
    agreement : Agreement
    counts : (B, B) int64
        Number of pairs by covariance in the model (rows) and in the held-out frames
        (columns). Pairs beyond the range are counted in the outermost bins.
    edges : (B + 1,) float64
        Edges of the bins, the same for both axes.
    """

    agreement: Agreement
    counts: NDArray[np.int64]
    edges: NDArray[np.float64]


def compare_pairs(
    model: Spikes,
    train: Spikes,
    test: Spikes,
    *,
    n_threads: int | None = None,
    report: Callable[[int, int], None] | None = None,
) -> PairComparison:
    """Compare the covariances of all pairs i < j of neurons (paper Fig. 2G).

    The memory needed is that of the activity itself. The 970 million pairs of 44,055 neurons
    take tens of seconds on two cores (see benchmarks).

    Parameters
    ----------
    model, train, test : Spikes
        Activity drawn from the model, training frames and held-out frames.
    n_threads : int, optional
        The result does not depend on it.
    report : callable, optional
        Called with (tiles done, tiles in all); may raise to cancel.

    Raises
    ------
    ModelError
        If the three have different numbers of neurons.
    """
    parts = (model, train, test)
    if len({part.n_neurons for part in parts}) > 1:
        raise ModelError(
            "Covariances can only be compared between the same neurons; found "
            + ", ".join(f"{part.n_neurons:,}" for part in parts)
            + " neurons (model, training, held-out)."
        )
    n_neurons = model.n_neurons
    low, high = _range(model, test)
    bits = tuple(_padded(part) for part in parts)
    frames = tuple(float(part.n_frames) for part in parts)
    means = tuple(part.mean_activity for part in parts)
    rows, columns = np.triu_indices(-(-n_neurons // TILE))
    tiles = np.column_stack([rows, columns]).astype(np.int64)
    sums = np.zeros((len(tiles), 8))
    edges = (low, _BINS / (high - low))
    with kernel_threads(n_threads) as n_lanes:
        counts = np.zeros((n_lanes, _BINS, _BINS), dtype=np.int64)
        for start in range(0, len(tiles), _TILES_AT_ONCE):
            part = slice(start, start + _TILES_AT_ONCE)
            pair_kernels.compare_tiles(tiles[part], bits, frames, means, edges, sums[part], counts)
            if report is not None:
                report(min(start + _TILES_AT_ONCE, len(tiles)), len(tiles))
    total = sums.sum(axis=0)
    n_pairs = n_neurons * (n_neurons - 1) // 2
    return PairComparison(
        agreement=agreement_of_sums(n_pairs, total[:3], total[3:6], *total[6:].tolist()),
        counts=counts.sum(axis=0),
        edges=np.linspace(low, high, _BINS + 1),
    )


def _padded(spikes: Spikes) -> NDArray[np.uint64]:
    """Return the frames of each neuron as bits, rows padded with zeros to whole vectors."""
    bits = spikes.by_neuron
    return np.pad(bits, ((0, 0), (0, -bits.shape[1] % _VECTOR)))


def _range(model: Spikes, test: Spikes) -> tuple[float, float]:
    """Estimate the range of nearly all covariances from a sample of neurons."""
    step = max(1, model.n_neurons // _SAMPLED_NEURONS)
    neurons = np.arange(0, model.n_neurons, step)
    found = []
    for part in (model, test):
        chosen = part.select_neurons(neurons)
        mean = chosen.mean_activity
        covariance = coincidences(chosen) / chosen.n_frames - np.outer(mean, mean)
        found.append(covariance[np.triu_indices(len(neurons), 1)])
    values = np.concatenate(found) if found[0].size else np.zeros(1)
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
    pad = 0.05 * (high - low) or 1e-6
    return float(low - pad), float(high + pad)
