"""Simulate activity of a ground-truth cRBM as one long Gibbs chain.

Equally spaced states of the chain are the frames, so the recording is stationary, follows
the model exactly and has temporal persistence: an assembly switches on and off as the
chain crosses the barrier between the two wells of its hidden unit.

Neurons shared by two assemblies couple them. A few dozen shared members of full strength would
couple two assemblies permanently (each contributes up to two nats). Shared members are therefore
weaker, the total coupling is limited, and the potentials compensate for the remaining coupling.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import brentq
from scipy.special import expit

from napari_crbm.model import CRBM
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.sampling.chains import Chains
from napari_crbm.simulation.common_gain import at_gain
from napari_crbm.simulation.coupling import Messages, within_budget
from napari_crbm.simulation.isolated import FittedUnit, Wells, as_units, fit_unit
from napari_crbm.simulation.planting import MIN_CORRELATION, Planting, correlation, rate_shape
from napari_crbm.simulation.settings import SimulationSettings
from napari_crbm.spikes import Spikes

_DUTY_RANGE = (0.05, 0.09)
_SHARED_STRENGTH = 0.65
_MAX_SHIFT = 7.0
# Gibbs steps for which an assembly should stay on, and bounds of the depth of its well in nats.
_DWELL_STEPS = 120.0
_DEPTH_RANGE = (1.0, 3.5)
# Baseline share of the activity that is assumed when weights are chosen.
_BASE_SHARE = 0.6
_MAX_LOG_ODDS = 2.0
# Passes of messages between units that share members.
_ROUNDS = 3
_BURN_IN = 400
#: Gibbs steps from frame to frame.
THIN = 3
_PARAMETERS, _GAIN = 6, 8


@dataclass(frozen=True)
class GibbsGenerator:
    """Model whose Gibbs chain is the recording.

    Parameters
    ----------
    model : CRBM
    weights : (N, K) sparse float32
        The model's weights.
    first_frame : (N,) uint8
        Initial state of the chain.
    seed : int
    activity : (T, K) float32
        E[h | v] of every frame; filled while `blocks` runs.
    gain : (T,) float64
        Common factor of the probabilities to fire.
    parameters : dict
        Parameters stored in the truth beside the weights.
    """

    model: CRBM
    weights: sparse.csc_array
    first_frame: NDArray[np.uint8]
    seed: int
    activity: NDArray[np.float32]
    gain: NDArray[np.float64]
    parameters: dict[str, Any] = field(default_factory=dict)

    #: Arguments of `plant`: assemblies are small, because the chain rarely switches large ones.
    coverage: ClassVar[float] = 0.6
    largest: ClassVar[int | None] = 150

    @classmethod
    def draw(
        cls, planting: Planting, gain: NDArray[np.float64], settings: SimulationSettings
    ) -> GibbsGenerator:
        """Choose a model with sparse, switching hidden units and the requested activity."""
        seed, mean_activity = settings.seed, settings.mean_activity
        rng = np.random.default_rng([seed, _PARAMETERS])
        n_neurons, n_assemblies = planting.strengths.shape
        shape = rate_shape(planting.strengths, rng)
        log_odds = _log_odds(_BASE_SHARE * mean_activity, shape)
        duty = rng.uniform(*_DUTY_RANGE, n_assemblies)
        shifts, depths = _shifts(planting.strengths, log_odds, duty)
        shifts = within_budget(shifts, log_odds)
        shifts = _strong_enough(shifts, log_odds, duty)
        on = rng.random((400, n_assemblies)) < duty
        log_odds = _calibrated(shape, shifts, on, mean_activity)
        fits = _fitted(shifts, log_odds, duty, depths)
        scale = np.array([fit.spread for fit in fits])
        weights = shifts @ sparse.diags_array([1.0 / fit.separation for fit in fits])
        fields = log_odds - weights @ np.array([fit.off for fit in fits])
        # Hidden units have variance one, as in a trained model.
        units = as_units(np.stack([fit.parameters for fit in fits])).rescaled(scale)
        weights = sparse.csc_array(weights @ sparse.diags_array(scale)).astype(np.float32)
        start = expit(log_odds + shifts @ on[0])
        return cls(
            CRBM.from_parameters(weights.toarray(), fields, units),
            weights,
            (rng.random(n_neurons) < start).astype(np.uint8),
            seed,
            np.zeros((len(gain), n_assemblies), dtype=np.float32),
            gain,
            {
                "fields": fields.astype(np.float32),
                "duty": duty,
                "steps_per_frame": THIN,
                "gain_course": gain,
                **units._asdict(),
            },
        )

    def blocks(self, frames: int) -> Iterator[NDArray[np.uint8]]:
        """Yield the raster in blocks of ``frames`` frames, (t, N) uint8; fill `activity`."""
        first = Spikes.from_dense(self.first_frame[None])
        n_frames = len(self.activity)
        with kernel_threads():
            chain = Chains(self.model, 1, start=first, random_state=self.seed)
            chain.advance(_BURN_IN)
        for start in range(0, n_frames, frames):
            block = np.empty((min(frames, n_frames - start), self.model.n_neurons), dtype=np.uint8)
            with kernel_threads():
                for row, frame in enumerate(block, start=start):
                    chain.advance(THIN)
                    frame[:] = chain.state()[0]
                    self.activity[row] = self.model.hidden_.mean(chain.inputs)[0]
            gain = self.gain[start : start + len(block)]
            if (gain != 1).any():
                odds = self.activity[start : start + len(block)] @ self.weights.T.toarray()
                chance = expit(odds + self.model.fields_)
                rng = np.random.default_rng([self.seed, _GAIN, start])
                block = at_gain(block, chance, gain, rng)
            yield block


def _log_odds(mean_rate: float, shape: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.minimum(np.log(mean_rate * shape), _MAX_LOG_ODDS))


def _shifts(
    strengths: sparse.csc_array, log_odds: NDArray[np.float64], duty: NDArray[np.float64]
) -> tuple[sparse.csc_array, NDArray[np.float64]]:
    """Choose the change of each member's log-odds from off to on, and the depths of the wells.

    The slope of the members' input to h, sum_i w_i^2 p_i (1 - p_i), must not increase beyond
    the "on" state, since h would then have a third well; "on" is placed where the slope is
    largest. Large assemblies keep their state longer, so their wells are shallower.
    """
    matrix = strengths.tocsc(copy=True).astype(np.float64)
    shared = np.diff(sparse.csr_array(matrix).indptr) > 1
    matrix.data[shared[matrix.indices]] *= _SHARED_STRENGTH
    depths = np.empty(matrix.shape[1])
    for unit in range(matrix.shape[1]):
        members = slice(*matrix.indptr[unit : unit + 2])
        relative, base = matrix.data[members], log_odds[matrix.indices[members]]
        candidates = np.linspace(0.5, _MAX_SHIFT, 131)
        chance = expit(base + np.multiply.outer(candidates, relative))
        slope = (chance * (1 - chance)) @ relative**2
        best = int(slope.argmax())
        shift = candidates[best]
        matrix.data[members] = relative * shift
        depth = _DEPTH_RANGE[0]
        for _ in range(20):
            wells = Wells.with_duty(float(duty[unit]), depth)
            memory = 1 + slope[best] * (shift / wells.separation * wells.on_width) ** 2
            depth = float(np.clip(np.log(_DWELL_STEPS / memory), *_DEPTH_RANGE))
        depths[unit] = depth
    return matrix, depths


def _strong_enough(
    shifts: sparse.csc_array, log_odds: NDArray[np.float64], duty: NDArray[np.float64]
) -> sparse.csc_array:
    """Drop members whose activity depends little on whether the assembly is on."""
    off = expit(log_odds[shifts.indices])
    on = expit(log_odds[shifts.indices] + shifts.data)
    share = np.repeat(duty, np.diff(shifts.indptr))
    kept = shifts.copy()
    kept.data[correlation(on - off, off + share * (on - off), share) < MIN_CORRELATION] = 0.0
    kept.eliminate_zeros()
    return kept


def _fitted(
    shifts: sparse.csc_array,
    log_odds: NDArray[np.float64],
    duty: NDArray[np.float64],
    depths: NDArray[np.float64],
) -> list[FittedUnit]:
    """Find hidden units with the requested duty, given the input of the other units."""
    messages = Messages(shifts, log_odds)
    fits: list[FittedUnit] = []
    for _ in range(_ROUNDS):
        fits = []
        for unit in range(shifts.shape[1]):
            members = slice(*shifts.indptr[unit : unit + 2])
            base = log_odds[shifts.indices[members]]
            company = messages.gain(unit)
            fits.append(
                fit_unit(shifts.data[members], base, duty[unit], depths[unit], company=company)
            )
        messages.update(fits)
    return fits


def _calibrated(
    shape: NDArray[np.float64],
    shifts: sparse.csc_array,
    on: NDArray[np.bool_],
    mean_activity: float,
) -> NDArray[np.float64]:
    """Find the log-odds of the off state that give the requested mean activity.

    The expectation is over (S, K) independent draws of the active assemblies.
    """
    neurons = np.linspace(0, len(shape) - 1, min(len(shape), 4000)).astype(np.int64)
    drive = on @ shifts.tocsr()[neurons].T.toarray()

    def excess(log_scale: float) -> float:
        base = _log_odds(float(np.exp(log_scale)), shape)[neurons]
        return float(expit(base + drive).mean()) - mean_activity

    low, high = np.log(1e-6), np.log(50.0)
    scale = low if excess(low) > 0 else brentq(excess, low, high, xtol=1e-4)
    return _log_odds(float(np.exp(scale)), shape)
