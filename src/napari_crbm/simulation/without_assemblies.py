"""Simulate recordings without assemblies, to count false positives.

Neurons are independent except for one disturbance of real recordings: persistent activity,
common gain, drift, optical crosstalk or motion. All assemblies that a method reports in these
recordings are false positives.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from napari_crbm.anatomy import larval_fish
from napari_crbm.errors import RecordingError
from napari_crbm.recording import Recording, Step
from napari_crbm.simulation.common_gain import MAX_RATE, common_gain, smooth_noise
from napari_crbm.spikes import Spikes

# Standard deviation of the logarithm of the log-normal base rates.
_RATE_SPREAD = 0.6
#: Mean number of frames for which a neuron stays active, as in calcium imaging at 4 Hz.
LASTING_FRAMES = 8.0
#: Standard deviations of the logarithms of the common gain and of the drift of each neuron.
GAIN_SPREAD, DRIFT_SPREAD = 0.5, 0.7
#: Standard deviation in time of drifts, as a share of all frames.
DRIFT_SHARE = 1 / 8
#: Probability that a neuron shows the activity of a neighbour at distance zero, and the distance
#: in micrometres at which it is smaller by the factor exp(-1).
CROSSTALK, CROSSTALK_UM = 0.3, 12.0
#: Share of frames with motion, and mean share of neurons that are active in them.
MOTION_SHARE, MOTION_ACTIVE = 0.01, 0.35

Raster = NDArray[np.bool_]


def simulate_without_assemblies(
    kind: str,
    n_neurons: int = 1000,
    n_frames: int = 2000,
    mean_activity: float = 0.035,
    frame_rate_hz: float = 4.0,
    seed: int = 0,
) -> Recording:
    """Simulate a larval zebrafish brain whose neurons form no assemblies.

    Parameters
    ----------
    kind : {"independent", "autocorrelated", "gain", "drift", "crosstalk", "motion"}
        Disturbance of the independent neurons:

        - "independent": none; frames are independent.
        - "autocorrelated": each neuron stays active for some frames (`LASTING_FRAMES`).
        - "gain": one gain multiplies the rates of all neurons.
        - "drift": the rate of each neuron drifts slowly by itself.
        - "crosstalk": neurons show some activity of their close neighbours.
        - "motion": in a few frames many neurons appear active.
    n_neurons, n_frames : int
    mean_activity : float
        Mean fraction of active neurons per frame, before crosstalk and motion.
    frame_rate_hz : float
    seed : int
        The same seed gives the same recording.

    Returns
    -------
    Recording

    Raises
    ------
    RecordingError
        If an argument is out of range.

    Examples
    --------
    >>> from napari_crbm.simulation import simulate_without_assemblies
    >>> recording = simulate_without_assemblies("gain", n_neurons=200, n_frames=400)
    >>> recording.spikes.shape
    (400, 200)
    """
    _check(kind, n_neurons, n_frames, mean_activity, frame_rate_hz, seed)
    coordinates, regions = larval_fish().sample(n_neurons, np.random.default_rng([seed, 0]))
    rng = np.random.default_rng([seed, 1])
    rates = np.exp(rng.normal(0.0, _RATE_SPREAD, n_neurons))
    rates = np.minimum(mean_activity * rates / rates.mean(), MAX_RATE)
    raster = KINDS[kind](rates, n_frames, coordinates, rng)
    settings = {
        "kind": kind,
        "n_neurons": n_neurons,
        "n_frames": n_frames,
        "mean_activity": mean_activity,
        "frame_rate_hz": frame_rate_hz,
        "seed": seed,
    }
    return Recording(
        coordinates=coordinates,
        spikes=Spikes.from_dense(raster),
        times=np.arange(n_frames) / frame_rate_hz,
        name=f"simulated fish {seed}, no assemblies ({kind})",
        regions=regions,
        provenance=(Step("simulate_without_assemblies", settings),),
    )


def _independent(
    rates: NDArray[np.float64],
    n_frames: int,
    _coordinates: NDArray[np.float32],
    rng: np.random.Generator,
) -> Raster:
    return np.asarray(rng.random((n_frames, len(rates)), dtype=np.float32) < rates)


def _autocorrelated(
    rates: NDArray[np.float64],
    n_frames: int,
    _coordinates: NDArray[np.float32],
    rng: np.random.Generator,
) -> Raster:
    """Draw two-state Markov chains, one per neuron."""
    off = 1 / LASTING_FRAMES
    on = np.minimum(off * rates / (1 - rates), 1.0)
    state = rng.random(len(rates)) < rates
    raster = np.empty((n_frames, len(rates)), dtype=bool)
    for frame in range(n_frames):
        raster[frame] = state
        state = state ^ (rng.random(len(rates)) < np.where(state, off, on))
    return raster


def _gain(
    rates: NDArray[np.float64],
    n_frames: int,
    _coordinates: NDArray[np.float32],
    rng: np.random.Generator,
) -> Raster:
    gain = common_gain(n_frames, GAIN_SPREAD, rng)[:, None]
    chance = np.minimum(rates * gain, MAX_RATE)
    return np.asarray(rng.random(chance.shape, dtype=np.float32) < chance)


def _drift(
    rates: NDArray[np.float64],
    n_frames: int,
    _coordinates: NDArray[np.float32],
    rng: np.random.Generator,
) -> Raster:
    course = smooth_noise((n_frames, len(rates)), DRIFT_SHARE * n_frames, rng)
    drift = np.exp(DRIFT_SPREAD * course)
    chance = np.minimum(rates * (drift / drift.mean(axis=0)), MAX_RATE)
    return np.asarray(rng.random(chance.shape, dtype=np.float32) < chance)


def _crosstalk(
    rates: NDArray[np.float64],
    n_frames: int,
    coordinates: NDArray[np.float32],
    rng: np.random.Generator,
) -> Raster:
    source = _independent(rates, n_frames, coordinates, rng)
    tree = cKDTree(coordinates)
    near = tree.sparse_distance_matrix(tree, 3 * CROSSTALK_UM, output_type="coo_matrix")
    chance = CROSSTALK * np.exp(-((near.data / CROSSTALK_UM) ** 2))
    other = near.row != near.col
    shape = (len(rates), len(rates))
    seen = sparse.csr_array(
        (-np.log1p(-chance[other]), (near.row[other], near.col[other])), shape=shape
    )
    shown = 1 - np.exp(-(sparse.csr_array(source.astype(np.float32)) @ seen).toarray())
    return np.asarray(source | (rng.random(shown.shape, dtype=np.float32) < shown))


def _motion(
    rates: NDArray[np.float64],
    n_frames: int,
    coordinates: NDArray[np.float32],
    rng: np.random.Generator,
) -> Raster:
    raster = _independent(rates, n_frames, coordinates, rng)
    moving = rng.random(n_frames) < MOTION_SHARE
    chance = rng.random(len(rates)) * 2 * MOTION_ACTIVE
    raster[moving] |= rng.random((int(moving.sum()), len(rates))) < chance
    return raster


#: Simulator of each kind: from rates (N,), number of frames, coordinates (N, 3) and random
#: generator to a raster (T, N).
KINDS: dict[
    str,
    Callable[[NDArray[np.float64], int, NDArray[np.float32], np.random.Generator], Raster],
] = {
    "independent": _independent,
    "autocorrelated": _autocorrelated,
    "gain": _gain,
    "drift": _drift,
    "crosstalk": _crosstalk,
    "motion": _motion,
}


def _check(
    kind: str,
    n_neurons: int,
    n_frames: int,
    mean_activity: float,
    frame_rate_hz: float,
    seed: int,
) -> None:
    if kind not in KINDS:
        raise RecordingError(
            f"There is no recording without assemblies of the kind '{kind}': use one of "
            f"{', '.join(KINDS)}."
        )
    if n_neurons < 10 or n_frames < 10:
        raise RecordingError(
            "A simulated recording needs at least 10 neurons and 10 frames; found "
            f"{n_neurons} and {n_frames}."
        )
    if not 0 < mean_activity < 0.5:
        raise RecordingError(
            "The mean activity must lie between 0 and 0.5 (fraction of neurons per frame); "
            f"found {mean_activity}."
        )
    if not 0 < frame_rate_hz < float("inf"):
        raise RecordingError(f"The frame rate must be positive; found {frame_rate_hz} Hz.")
    if seed < 0:
        raise RecordingError(f"The seed must not be negative; found {seed}.")
