"""A gain shared by all neurons: arousal, brightness or focus that changes within seconds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

#: Standard deviation in frames of the Gaussian window that smooths the gain in time.
GAIN_FRAMES = 10.0
#: Largest probability that a neuron is active in a frame.
MAX_RATE = 0.9


def common_gain(n_frames: int, spread: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw a log-normal gain (T,) with mean one.

    Parameters
    ----------
    n_frames : int
    spread : float
        Standard deviation of its logarithm.
    rng : numpy.random.Generator
    """
    gain = np.exp(spread * smooth_noise((n_frames, 1), GAIN_FRAMES, rng)[:, 0])
    return np.asarray(gain / gain.mean())


def smooth_noise(
    shape: tuple[int, int], width: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Draw Gaussian noise, smoothed over the first axis and standardised along it."""
    margin = int(4 * width) + 1
    noise = rng.standard_normal((shape[0] + 2 * margin, shape[1]))
    smooth = gaussian_filter1d(noise, width, axis=0)[margin:-margin]
    spread = smooth.std(axis=0)
    return np.asarray((smooth - smooth.mean(axis=0)) / np.where(spread > 0, spread, 1))


def at_gain(
    active: NDArray[np.uint8],
    chance: NDArray[np.floating],
    gain: NDArray[np.float64],
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """Change activity so that its probability becomes ``gain * chance``.

    A gain below one silences some active neurons, a gain above one activates some silent ones.

    Parameters
    ----------
    active : (t, N) uint8
        Activity drawn with the probability ``chance`` (t, N).
    gain : (t,) float64
    rng : numpy.random.Generator
    """
    wanted = np.minimum(gain[:, None] * chance, np.maximum(chance, MAX_RATE))
    switched = rng.random(active.shape)
    stays = switched < np.minimum(wanted / np.maximum(chance, 1e-12), 1)
    starts = switched < np.maximum(wanted - chance, 0) / np.maximum(1 - chance, 1e-12)
    return np.asarray(np.where(active > 0, stays, starts), dtype=np.uint8)
