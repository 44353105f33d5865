r"""Double-ReLU units with a potential well for each of the two states of an assembly.

Seen from one hidden unit, the model is :math:`P(h) \propto e^{-U(h)} \prod_i (1 +
e^{g_i + w_i h})`. While its assembly is on, the neurons add the curvature :math:`S = \sum_i
w_i^2 p_i (1 - p_i)` to the logarithm, which is also the variance of the hidden input by the
noise of the neurons. A stiffness below S makes that state unstable: chains leave it within
twenty steps, however long the recording stays in it, and for a large assembly they never come
back. S grows with the weights, so that a unit which starts with one well, as wide as both states
together, is too soft for any assembly that is either on or off. So such units start with a well
for each state:

.. math:: \gamma = S + 1 / \sigma^2, \qquad \sigma^2 = (V - S) / S^2

where V is the variance of the hidden input within the state. V exceeds S by the variance of the
assembly itself. The distance of the wells gives h unit variance, and they meet where it is in
doubt in which state the assembly is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.compute.two_groups import EXPLAINED, FEWEST_FRAMES
from napari_crbm.model.units.drelu.standardised import ETA_MAX, Standardised
from napari_crbm.model.units.drelu.units import DReLU
from napari_crbm.model.units.protocol import InputState, TwoStateUnits

# V is at least (1 + this) S while the assembly is on.
_LEAST_EXCESS = 0.3
# While the assembly is off, inputs vary because other assemblies share its neurons, not because
# the assembly does. Its stiffness is this many times S.
_OFF = 10.0
# Largest part of the variance of h that may lie within the two states.
_WITHIN = 0.5
_HALVINGS = 60

Vector = NDArray[np.float64]


def two_wells(on: InputState, off: InputState, n_frames: int) -> TwoStateUnits:
    """Compute potentials with a well for each state, for the units that have two states.

    Parameters
    ----------
    on, off : InputState
        Inputs while the assemblies are on, and while they are off.
    n_frames : int
        Frames in both states together.

    Returns
    -------
    TwoStateUnits
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
    return TwoStateUnits(chosen, units, on.share * value_on + off.share * value_off)


def _where_wells_meet(
    on: InputState, off: InputState, stiff_on: Vector, stiff_off: Vector, gap: Vector
) -> Vector:
    """Find the values of h while on for which both wells are equally likely at a doubtful input.

    That input lies as many standard deviations above the one state as below the other.
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
