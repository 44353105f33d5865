"""Spike times in bins."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.errors import RecordingError
from napari_crbm.spikes import Spikes

#: Default width of a bin, seconds.
BIN_S = 0.05

#: Name of the step in the provenance.
BINNED = "bin spike times"

_MOST_VALUES = 1 << 33
_BLOCK = 256
_ROUNDING = 1e-9


def binned(
    times: NDArray[np.float64], unit: NDArray[np.int64], n_units: int, bin_s: float | None = None
) -> tuple[Spikes, float, float, int]:
    """Bin spike times.

    Parameters
    ----------
    times : (K,)
        Seconds.
    unit : (K,)
        The unit of every spike.
    n_units : int
    bin_s : float, optional
        Width of a bin.

    Returns
    -------
    spikes : Spikes
    start : float
        Time at which the first bin begins, seconds.
    bin_s : float
    several : int
        Spikes that share a bin with another of their unit.

    Raises
    ------
    RecordingError
        If there would be too many bins.
    """
    width = BIN_S if bin_s is None else bin_s
    start = float(np.floor(times.min() / width) * width)
    # A time on the edge of a bin belongs to the later bin, in spite of rounding.
    place = (times - start) / width + _ROUNDING
    n_bins = int(place.max()) + 1
    if n_bins * n_units > _MOST_VALUES:
        raise RecordingError(
            f"Bins of {width:g} s over {times.max() - start:,.0f} s would be {n_bins:,} frames of "
            f"{n_units:,} units, which is too many. Check that the times are in seconds, or use "
            "wider bins."
        )
    counts = sparse.csc_array(
        (np.ones(len(times), dtype=np.int64), (place.astype(np.int64), unit)),
        shape=(n_bins, n_units),
    )
    counts.sum_duplicates()

    def tiles() -> Any:
        for first in range(0, n_units, _BLOCK):
            yield 0, first, counts[:, first : first + _BLOCK].toarray() > 0

    spikes = Spikes.from_tiles(tiles(), n_bins, n_units)
    return spikes, start, width, int(counts.data.sum() - counts.nnz)


def bin_centres(start: float, bin_s: float, n_bins: int) -> NDArray[np.float64]:
    """Return the times of bin centres, (n_bins,), in seconds."""
    return np.asarray(start + bin_s * (0.5 + np.arange(n_bins)), dtype=np.float64)


def default_width(bin_s: float) -> str:
    """Return the warning that spike times are binned at the default width."""
    return (
        f"Spike times are binned at {1000 * bin_s:g} ms: set the option bin_s (--bin-s) for "
        "another width."
    )
