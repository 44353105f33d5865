r"""Potentials of hidden units whose assembly is either on or off, to start training from.

Seen from one hidden unit, the model is :math:`P(h) \propto e^{-U(h)} \prod_i (1 +
e^{g_i + w_i h})`. Where its assembly is on, the neurons add the curvature :math:`S = \sum_i
w_i^2 p_i (1 - p_i)` to the logarithm, which is also the variance of the hidden input by the
noise of the neurons. A stiffness below S makes that state unstable: chains leave it within
twenty steps, however often the recording shows it, and for a large assembly they never come
back. S grows with the weights, so that a unit which starts with one well, as wide as both
states together, is too soft for any assembly that is either on or off. So such units start
with a well for each state:

.. math:: \gamma = S + 1 / \sigma^2, \qquad \sigma^2 = (V - S) / S^2

where V is the variance of the hidden input within the state, and what it exceeds S by is
how much the assembly itself varies. The wells are as far apart as unit variance of h asks
for, and meet where the state of the assembly is in doubt.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.compute.two_groups import mean_within
from napari_crbm.model.units.drelu import DReLU
from napari_crbm.model.units.standardised import ETA_MAX, Standardised

#: Fewer frames in a state do not tell what it is like.
FEWEST_FRAMES = 10
#: Of the variance of the input, what two states must explain to be taken for such; halves of
#: a course that takes all values equally often explain three quarters.
EXPLAINED = 0.8
# An assembly that is on varies at least so much, in terms of S: V >= (1 + this) S.
_LEAST_EXCESS = 0.3
# While it is off, inputs vary because other assemblies share its neurons, not because the
# assembly does; its stiffness is so many times S.
_OFF = 10.0
# Most of the variance of h that may lie within the two states.
_WITHIN = 0.5
_HALVINGS = 60

Vector = NDArray[np.float64]


class State(NamedTuple):
    """One state of M hidden units: share of the frames, mean and variance of the input, and S."""

    share: Vector
    mean: Vector
    variance: Vector
    noise: Vector


class Wells(NamedTuple):
    """Which units (M,) get two wells, their potentials, and the mean of h under them."""

    chosen: NDArray[np.bool_]
    units: DReLU
    mean: Vector


def state(
    inputs: NDArray[np.floating], frames: NDArray[np.bool_], noise: NDArray[np.floating]
) -> State:
    """What the inputs (T, M) are like in some frames (T, M); ``noise`` is S there, (M,)."""
    mean = mean_within(inputs, frames)
    variance = mean_within((inputs - mean) ** 2, frames)
    return State(frames.mean(axis=0), mean, variance, np.asarray(noise, dtype=np.float64))


def two_wells(on: State, off: State, n_frames: int) -> Wells:
    """Potentials with a well for each state, for those units that have two.

    Parameters
    ----------
    on, off : State
        What inputs are like while the assemblies are on and off.
    n_frames : int

    Returns
    -------
    wells : Wells
        Of units that are not chosen the potentials are finite and mean nothing.
    """
    noise_on, noise_off = (np.maximum(side.noise, 1e-9) for side in (on, off))
    excess = np.maximum(on.variance - noise_on, _LEAST_EXCESS * noise_on)
    stiff_on, stiff_off = noise_on * (1 + noise_on / excess), _OFF * noise_off
    between = on.share * off.share
    within = on.share * (on.variance / stiff_on + 1) / stiff_on
    within += off.share * (off.variance / stiff_off + 1) / stiff_off
    gap = np.sqrt(np.maximum(1 - within, 0) / np.maximum(between, 1e-9))
    step = on.mean - off.mean
    explained = between * step**2
    spread = on.share * on.variance + off.share * off.variance + explained
    chosen = (
        (np.minimum(on.share, off.share) * n_frames >= FEWEST_FRAMES)
        & (on.noise > 0)
        & (off.noise > 0)
        & (within < _WITHIN)
        & (gap * stiff_on > step)
        & (explained > EXPLAINED * spread)
    )
    value_on = _where_wells_meet(on, off, stiff_on, stiff_off, gap)
    value_off = value_on - gap
    units = DReLU(
        stiff_on,
        stiff_off,
        on.mean - stiff_on * value_on,
        stiff_off * value_off - off.mean,
    )
    chosen &= np.abs(Standardised.from_units(units).eta) < ETA_MAX
    return Wells(chosen, units, on.share * value_on + off.share * value_off)


def _where_wells_meet(
    on: State, off: State, stiff_on: Vector, stiff_off: Vector, gap: Vector
) -> Vector:
    """Values of h while on, for which an input in doubt makes both wells equally likely.

    In doubt is the input that lies as many standard deviations above the one state as below
    the other.
    """
    sd_on, sd_off = np.sqrt(on.variance), np.sqrt(off.variance)
    doubt = off.mean + (on.mean - off.mean) * sd_off / np.maximum(sd_off + sd_on, 1e-9)
    low, high = np.zeros_like(gap), gap.copy()
    for _ in range(_HALVINGS):
        value = 0.5 * (low + high)
        up = (doubt - on.mean + stiff_on * value) / np.sqrt(stiff_on)
        down = (doubt - off.mean + stiff_off * (value - gap)) / np.sqrt(stiff_off)
        more_on = up * np.abs(up) - np.log(stiff_on) > -down * np.abs(down) - np.log(stiff_off)
        high, low = np.where(more_on, value, high), np.where(more_on, low, value)
    return 0.5 * (low + high)
