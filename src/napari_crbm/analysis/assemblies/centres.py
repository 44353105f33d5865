"""Where assemblies lie: the centre of their weights."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def assembly_centres(
    weights: NDArray[np.floating], coordinates_um: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Compute the mean position of the neurons of each assembly, by squared weight, (M, 3).

    Parameters
    ----------
    weights : (N, M) float
    coordinates_um : (N, 3) float
        Neurons without position (NaN) are left out.

    Returns
    -------
    (M, 3) float64
        NaN for assemblies without positioned neurons.
    """
    known = np.isfinite(coordinates_um).all(axis=1)
    squares = weights[known].astype(np.float64) ** 2
    total = squares.sum(axis=0)
    sums = squares.T @ coordinates_um[known].astype(np.float64)
    centres = np.full((weights.shape[1], 3), np.nan)
    np.divide(sums, total[:, None], out=centres, where=total[:, None] > 0)
    return centres
