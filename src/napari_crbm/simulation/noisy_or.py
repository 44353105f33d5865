"""Simulate assemblies that switch on and off and make their members fire by a noisy OR.

A neuron stays silent if its baseline and every assembly that is on fail to make it
fire: P(silent) = (1 - b_i) prod_mu (1 - q_i,mu z_mu). Assemblies in which it is a
suppressed member multiply its probability to fire by (1 - r_i,mu). The generator differs
from the model that is fitted later, so that recovery of the assemblies is a fair test.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import brentq

from napari_crbm.simulation.common_gain import MAX_RATE
from napari_crbm.simulation.planting import MIN_CORRELATION, Planting, correlation, rate_shape
from napari_crbm.simulation.settings import SimulationSettings
from napari_crbm.simulation.stimulus import STIMULUS, stimulus_course, tuned_activity

_DUTY_RANGE = (0.03, 0.10)
_DWELL_RANGE_S = (2.0, 10.0)
_MIN_EPISODES = 12
# Accepted ratio of realised to requested duty.
_DUTY_RATIO = (0.65, 1.5)
_MAX_REDRAWS = 50
_FIRING = (0.20, 0.45)
_WEAKEST, _STRONGEST = 0.12, 0.7
_SUPPRESSION = (0.75, 0.97)
# Share of all spikes that assemblies cause; the rest is baseline.
_SHARE, _MAX_SHARE = 0.6, 0.8
_LATENT, EMISSION, _STIMULUS, _RESPONSES = 2, 3, 8, 9


@dataclass(frozen=True)
class NoisyOr:
    """Generator of a recording: all random variables except the spikes.

    Parameters
    ----------
    baseline : (N,) float64
        Probability of each neuron to be active in a frame without an assembly.
    weights : (N, K) sparse float32
        q for members, -r for suppressed members.
    activity : (T, K) float32
        Zeros and ones.
    gain : (T,) float64
        Common factor of the probabilities to fire.
    seed : int
    parameters : dict
        Parameters stored in the truth beside the weights.
    """

    baseline: NDArray[np.float64]
    weights: sparse.csc_array
    activity: NDArray[np.float32]
    gain: NDArray[np.float64]
    seed: int
    parameters: dict[str, Any] = field(default_factory=dict)

    #: Arguments of `plant`.
    coverage: ClassVar[float] = 1.2
    largest: ClassVar[int | None] = None

    @classmethod
    def draw(
        cls, planting: Planting, gain: NDArray[np.float64], settings: SimulationSettings
    ) -> NoisyOr:
        """Draw strengths, rates and the assemblies' time course."""
        n_frames, seed, frame_rate_hz = len(gain), settings.seed, settings.frame_rate_hz
        mean_activity, member_firing = settings.mean_activity, settings.member_firing
        rng = np.random.default_rng([seed, _LATENT])
        weights, duty = _strengths_and_duty(planting.strengths, mean_activity, member_firing, rng)
        shortest = max(_DWELL_RANGE_S[0], 2.0 / frame_rate_hz)
        dwell_s = rng.uniform(shortest, max(_DWELL_RANGE_S[1], shortest), len(duty))
        # A short recording must also contain several episodes of each assembly.
        dwell_s = np.minimum(dwell_s, n_frames / frame_rate_hz * duty / _MIN_EPISODES)
        dwell = np.maximum(dwell_s * frame_rate_hz, 2.0)
        activity = _switching(duty, dwell, n_frames, rng)
        stimulus: dict[str, Any] = {}
        if settings.n_tuned:
            course = stimulus_course(
                n_frames, frame_rate_hz, np.random.default_rng([seed, _STIMULUS])
            )
            responses = np.random.default_rng([seed, _RESPONSES])
            tuned = np.sort(responses.choice(len(duty), settings.n_tuned, replace=False))
            activity = tuned_activity(activity, course, tuned, responses)
            stimulus = {"tuned": tuned, STIMULUS: course}
        shape = rate_shape(planting.strengths, rng)
        baseline = _baseline(shape, weights, duty, mean_activity)
        weights = _strong_enough(weights, baseline, activity.mean(axis=0, dtype=np.float64))
        baseline = _baseline(shape, weights, duty, mean_activity)
        return cls(
            baseline,
            weights,
            activity,
            gain,
            seed,
            {
                "baseline": baseline,
                "duty": duty,
                "dwell_s": dwell / frame_rate_hz,
                "gain_course": gain,
                **stimulus,
            },
        )

    def blocks(self, frames: int) -> Iterator[NDArray[np.uint8]]:
        """Yield the raster in blocks of ``frames`` frames, (t, N) uint8."""
        for number, start in enumerate(range(0, len(self.activity), frames)):
            block = slice(start, start + frames)
            chance = self.chances(self.activity[block], self.gain[block])
            rng = np.random.default_rng([self.seed, EMISSION, number])
            yield (rng.random(chance.shape, dtype=np.float32) < chance).view(np.uint8)

    def chances(
        self, activity: NDArray[np.float32], gain: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """Return the probabilities (t, N) that neurons fire, given assemblies (t, K), gain (t,)."""
        silent, stay_silent, stay_active = self._factors
        latent = sparse.csr_array(activity)
        chance = np.empty((latent.shape[0], len(silent)), dtype=np.float32)
        chance[:] = 1.0 - silent
        driven = (latent @ stay_silent).tocoo()
        chance[driven.row, driven.col] = 1.0 - silent[driven.col] * np.exp(driven.data)
        held = (latent @ stay_active).tocoo()
        chance[held.row, held.col] *= np.exp(held.data)
        factor = gain[:, None].astype(np.float32)
        np.minimum(chance * factor, np.maximum(chance, MAX_RATE), out=chance)
        return chance

    def chances_now(self, activity: NDArray[np.float32], gain: float) -> NDArray[np.float32]:
        """Return the probabilities (N,) that neurons fire in one frame, given assemblies (K,).

        Equal to `chances`, but faster for a single frame.
        """
        silent, stay_silent, stay_active = self._factors
        chance = 1.0 - silent * np.exp(_product(activity, stay_silent))
        if stay_active.nnz:
            chance *= np.exp(_product(activity, stay_active))
        factor = np.float32(gain)
        return np.asarray(np.minimum(chance * factor, np.maximum(chance, MAX_RATE)))

    @cached_property
    def _factors(self) -> tuple[NDArray[np.float32], sparse.csr_array, sparse.csr_array]:
        """Chance to stay silent without an assembly, and logarithms of what assemblies do."""
        positive = self.weights.multiply(self.weights > 0)
        negative = self.weights.multiply(self.weights < 0)
        return (
            (1.0 - self.baseline).astype(np.float32),
            sparse.csr_array((-positive).log1p().T),
            sparse.csr_array(negative.log1p().T),
        )


def _product(activity: NDArray[np.float32], rows: sparse.csr_array) -> NDArray[np.float32]:
    """Multiply a vector (K,) and a sparse matrix (K, N) without SciPy's checks of each product."""
    total = np.zeros(rows.shape[1], dtype=np.float32)
    for k in np.flatnonzero(activity):
        own = slice(rows.indptr[k], rows.indptr[k + 1])
        total[rows.indices[own]] += activity[k] * rows.data[own]
    return total


def _strengths_and_duty(
    strengths: sparse.csc_array,
    mean_activity: float,
    member_firing: float,
    rng: np.random.Generator,
) -> tuple[sparse.csc_array, NDArray[np.float64]]:
    """Draw the signed strengths, and the fraction of time that each assembly is on."""
    n_neurons, n_assemblies = strengths.shape
    matrix = strengths.tocsc(copy=True)
    firing = np.repeat(rng.uniform(*_FIRING, n_assemblies), np.diff(matrix.indptr))
    relative = np.abs(matrix.data)
    excited = matrix.data > 0
    chance = member_firing * np.maximum(relative * firing, _WEAKEST)
    per_frame = float(chance[excited].sum()) / n_neurons
    typical = float(np.clip(_SHARE * mean_activity / max(per_frame, 1e-9), *_DUTY_RANGE))
    # Limit the share of assemblies in the requested activity, to leave some for the baseline.
    chance *= min(1.0, _MAX_SHARE * mean_activity / max(typical * per_frame, 1e-9))
    held = np.interp(relative, (0.6, 1.4), _SUPPRESSION)
    matrix.data = np.where(excited, chance, -held).astype(np.float32)
    duty = typical * rng.uniform(0.6, 1.4, n_assemblies)
    # Suppression is visible only while the assembly is on, which must be often enough.
    opposed = np.unique(np.repeat(np.arange(n_assemblies), np.diff(matrix.indptr))[~excited])
    duty[opposed] = 1.5 * typical
    return matrix, duty


def _switching(
    duty: NDArray[np.float64], dwell: NDArray[np.float64], n_frames: int, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Draw two-state Markov chains, (T, K), with mean episode ``dwell`` and time share ``duty``.

    Chains that are on far too rarely or too often are drawn again, because no method can find
    an assembly that is active for one short moment.
    """
    activity = np.empty((n_frames, len(duty)), dtype=np.float32)
    pending = np.arange(len(duty))
    for _ in range(_MAX_REDRAWS):
        off_chance = 1.0 / dwell[pending]
        on_chance = off_chance * duty[pending] / (1.0 - duty[pending])
        state = rng.random(len(pending)) < duty[pending]
        drawn = np.empty((n_frames, len(pending)), dtype=np.float32)
        for frame in range(n_frames):
            drawn[frame] = state
            state = state ^ (rng.random(len(pending)) < np.where(state, off_chance, on_chance))
        activity[:, pending] = drawn
        ratio = activity.mean(axis=0, dtype=np.float64) / duty
        pending = np.flatnonzero((ratio < _DUTY_RATIO[0]) | (ratio > _DUTY_RATIO[1]))
        if len(pending) == 0:
            break
    return activity


def _strong_enough(
    weights: sparse.csc_array, baseline: NDArray[np.float64], duty: NDArray[np.float64]
) -> sparse.csc_array:
    """Strengthen members whose activity correlates too little with that of the assembly."""
    raised = weights.copy()
    share = np.repeat(duty, np.diff(weights.indptr))
    rate = expected(weights, baseline, duty)[weights.indices]
    room = 1.0 - baseline[weights.indices]
    weakest = MIN_CORRELATION / np.maximum(correlation(room, rate, share), 1e-9)
    excited = weights.data > 0
    bound = np.minimum(weakest, _STRONGEST)
    raised.data = np.where(excited, np.maximum(weights.data, bound), weights.data).astype(
        np.float32
    )
    return raised


def expected(
    weights: sparse.csc_array, baseline: NDArray[np.float64], duty: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute the mean activity of each neuron, (N,), a product over independent assemblies."""
    scaled = weights @ sparse.diags_array(duty)
    silent = np.exp(np.asarray((-scaled.multiply(scaled > 0)).log1p().sum(axis=1)).ravel())
    kept = np.exp(np.asarray(scaled.multiply(scaled < 0).log1p().sum(axis=1)).ravel())
    return np.asarray((1.0 - (1.0 - baseline) * silent) * kept)


def _baseline(
    shape: NDArray[np.float64],
    weights: sparse.csc_array,
    duty: NDArray[np.float64],
    mean_activity: float,
) -> NDArray[np.float64]:
    """Scale baseline rates so that the mean activity is as requested."""

    def excess(log_scale: float) -> float:
        rate = np.minimum(np.exp(log_scale) * shape, MAX_RATE)
        return float(expected(weights, rate, duty).mean()) - mean_activity

    low, high = np.log(1e-6), np.log(50.0)
    scale = low if excess(low) > 0 else brentq(excess, low, high, xtol=1e-6)
    return np.asarray(np.minimum(np.exp(scale) * shape, MAX_RATE))
