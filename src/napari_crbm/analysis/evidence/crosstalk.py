"""Distance below which optical crosstalk may correlate neighbouring neurons.

Light of one neuron reaches its neighbours in the image, so that their signals coincide even if
the neurons are not active together. Evidence for an assembly therefore uses only pairs farther
apart than the distance at which the similarity of neighbours falls to that of distant pairs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from napari_crbm.analysis.evidence.windows import Windows

#: Crosstalk reaches at most this many micrometres, three cell diameters; similarity at larger
#: distances has anatomical reasons.
MOST_UM = 30.0
# Width of the distance bins, in micrometres.
_STEP_UM = 3.0
# Sampled pairs, of close and of distant neurons each.
_PAIRS = 200_000
# An excess similarity of fewer standard errors over distant pairs counts as chance; below this
# share of the largest excess it is negligible. One more bin than those found is left out.
_STANDARD_ERRORS, _SHARE = 2.0, 0.05


def crosstalk_distance_um(
    windows: Windows, coordinates: NDArray[np.floating], random_state: int = 0
) -> float:
    """Return the distance below which neighbours are more similar than distant neurons.

    Parameters
    ----------
    windows : Windows
    coordinates : (N, 3) float
        Positions in micrometres; NaN where they are not known.
    random_state : int

    Returns
    -------
    float
        In micrometres, 0 to `MOST_UM`; 0 if close pairs are as similar as distant ones.
    """
    generator = np.random.default_rng(random_state)
    pairs = close_pairs(coordinates, MOST_UM)
    if len(pairs) > _PAIRS:
        pairs = pairs[generator.choice(len(pairs), _PAIRS, replace=False)]
    if len(pairs) == 0:
        return 0.0
    others = generator.integers(len(coordinates), size=(min(_PAIRS, 50 * len(coordinates)), 2))
    separation = np.linalg.norm(coordinates[others[:, 0]] - coordinates[others[:, 1]], axis=1)
    others = others[separation > 2 * MOST_UM]
    if len(others) == 0:
        return 0.0
    spread = np.sqrt(np.maximum(windows.variances(), 0.0))
    pairs, others = (some[(spread[some] > 0).all(axis=1)] for some in (pairs, others))
    if len(pairs) == 0 or len(others) == 0:
        return 0.0
    near, far = (_correlations(windows, some, spread) for some in (pairs, others))
    distance = np.linalg.norm(coordinates[pairs[:, 0]] - coordinates[pairs[:, 1]], axis=1)
    step = np.minimum(distance // _STEP_UM, MOST_UM / _STEP_UM - 1).astype(np.int64)
    counts = np.bincount(step, minlength=1)
    known = counts > 1
    if not known.any():
        return 0.0
    mean = np.bincount(step, near) / np.maximum(counts, 1) - far.mean()
    error = near.std() / np.sqrt(np.maximum(counts, 1))
    alike = (mean > _STANDARD_ERRORS * error) & (mean > _SHARE * mean[known].max())
    unlike = np.flatnonzero(known & ~alike)
    if len(unlike) and unlike[0] == np.flatnonzero(known)[0]:
        return 0.0
    steps = int(unlike[0]) if len(unlike) else len(alike)
    return float(min((steps + 1) * _STEP_UM, MOST_UM))


def close_pairs(coordinates: NDArray[np.floating], distance_um: float) -> NDArray[np.int64]:
    """Return all pairs (P, 2) of neurons closer than a distance in micrometres.

    Neurons without a position (NaN) are in no pair.
    """
    known = np.flatnonzero(np.isfinite(coordinates).all(axis=1))
    if distance_um <= 0 or len(known) == 0:
        return np.empty((0, 2), dtype=np.int64)
    tree = cKDTree(np.asarray(coordinates[known], dtype=np.float64))
    return np.asarray(known[tree.query_pairs(distance_um, output_type="ndarray")])


def _correlations(
    windows: Windows, pairs: NDArray[np.int64], spread: NDArray[np.float64]
) -> NDArray[np.float64]:
    product = spread[pairs[:, 0]] * spread[pairs[:, 1]]
    return np.asarray(windows.pair_covariances(pairs) / product)
