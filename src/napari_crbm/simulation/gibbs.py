"""Activity drawn from a ground-truth cRBM: one long Gibbs chain, frame after frame.

Consecutive states of the chain are the frames, so the recording is stationary, follows
the model exactly and has temporal persistence: assemblies switch on and off as the chain
crosses the barrier between the two wells of their hidden units.

Neurons shared by two assemblies couple them. Left alone, a few dozen shared members tie
assemblies together for good (each contributes up to two nats), so sharing is limited to
a budget a pair, and what remains is counteracted in the duty asked of each unit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import brentq
from scipy.special import expit, logit

from napari_crbm.model import CRBM, drelu
from napari_crbm.model.sampling import Chains
from napari_crbm.model.threads import kernel_threads
from napari_crbm.simulation.isolated import Wells, as_units, fit_potential
from napari_crbm.simulation.planting import Planting
from napari_crbm.spikes import Spikes

_DUTY_RANGE = (0.05, 0.10)
_FIRING = 0.40
# Bounds on a typical member's change of log-odds between off and on.
_SHIFT_RANGE = (1.5, 3.5)
# Upper limit on the information members carry about h, in units of the on well: the
# chain needs about as many steps to forget where in the well it was.
_MAX_MEMORY = 30.0
_COUPLING_BUDGET = 1.0
_BASE_SHARE = 0.4
_RATE_SPREAD = 0.8
_MAX_LOG_ODDS = 2.0
_BURN_IN = 300
#: Gibbs steps between frames.
THIN = 2
_PARAMETERS = 6


@dataclass(frozen=True)
class GibbsGenerator:
    """The model whose chain is the recording.

    Parameters
    ----------
    model : CRBM
    weights : (N, K) sparse float32
        The model's weights.
    first_frame : (N,) uint8
        Where the chain starts.
    n_frames : int
    seed : int
    activity : (T, K) float32
        E[h | v] of every frame; filled while `blocks` runs.
    parameters : dict
        What the truth keeps beside the weights.
    """

    model: CRBM
    weights: sparse.csc_array
    first_frame: NDArray[np.uint8]
    seed: int
    activity: NDArray[np.float32]
    parameters: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def draw(
        cls,
        planting: Planting,
        n_frames: int,
        mean_activity: float,
        frame_rate_hz: float,
        seed: int,
    ) -> GibbsGenerator:
        """Choose a model with sparse, switching hidden units and the asked activity."""
        rng = np.random.default_rng([seed, _PARAMETERS])
        n_neurons, n_assemblies = planting.strengths.shape
        shape = rng.lognormal(-(_RATE_SPREAD**2) / 2, _RATE_SPREAD, n_neurons)
        log_odds = _log_odds(_BASE_SHARE * mean_activity, shape)
        duty = rng.uniform(*_DUTY_RANGE, n_assemblies)
        wells = [Wells.with_duty(float(share)) for share in duty]
        weights = _scaled(planting.strengths, log_odds, wells, mean_activity)
        weights, coupling = _within_budget(weights, log_odds, wells)
        hidden = np.stack(
            [well.sample(400, share, rng) for well, share in zip(wells, duty, strict=True)], axis=1
        )
        off = np.array([well.off for well in wells])
        log_odds = _calibrated(shape, weights, hidden - off, mean_activity)
        rows = np.empty((n_assemblies, 4))
        spread = np.empty(n_assemblies)
        for unit in range(n_assemblies):
            members = slice(*weights.indptr[unit : unit + 2])
            pull = float(coupling[unit] @ duty)
            corrected = float(expit(logit(duty[unit]) - pull))
            rows[unit], grid, density = fit_potential(
                weights.data[members],
                log_odds[weights.indices[members]],
                Wells.with_duty(corrected),
            )
            mean = grid @ density
            spread[unit] = np.sqrt((grid - mean) ** 2 @ density)
        # The gauge of a trained model: hidden units of variance one.
        units = as_units(rows).rescaled(spread)
        fields = log_odds - weights @ off
        scaled = sparse.csc_array(weights @ sparse.diags_array(spread)).astype(np.float32)
        start = expit(log_odds + weights @ (hidden[0] - off))
        return cls(
            CRBM.from_parameters(scaled.toarray(), fields, units),
            scaled,
            (rng.random(n_neurons) < start).astype(np.uint8),
            seed,
            np.zeros((n_frames, n_assemblies), dtype=np.float32),
            {
                "fields": fields.astype(np.float32),
                "duty": duty,
                "steps_per_frame": THIN,
                **units._asdict(),
            },
        )

    def blocks(self, frames: int) -> Iterator[NDArray[np.uint8]]:
        """The raster, ``frames`` frames at a time: (t, N) uint8; fills `activity`."""
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
                    self.activity[row] = drelu.mean(chain.inputs, self.model.hidden_)[0]
            yield block


def _log_odds(mean_rate: float, shape: NDArray[np.float64]) -> NDArray[np.float64]:
    rate = mean_rate * shape
    return np.asarray(np.minimum(np.log(rate), _MAX_LOG_ODDS))


def _scaled(
    strengths: sparse.csc_array,
    log_odds: NDArray[np.float64],
    wells: list[Wells],
    mean_activity: float,
) -> sparse.csc_array:
    """Weights strong enough to be found and weak enough that the chain keeps switching."""
    matrix = strengths.tocsc(copy=True).astype(np.float64)
    typical = float(logit(_FIRING) - np.log(_BASE_SHARE * mean_activity))
    low, high = _SHIFT_RANGE[0], max(_SHIFT_RANGE[0], min(typical, _SHIFT_RANGE[1]))
    for unit, well in enumerate(wells):
        members = slice(*matrix.indptr[unit : unit + 2])
        relative = matrix.data[members]
        base = log_odds[matrix.indices[members]]

        def memory(shift: float, relative=relative, base=base, well=well) -> float:  # type: ignore[no-untyped-def]
            chance = expit(base + shift * relative)
            pull = shift * relative / well.separation * well.on_width
            return float((chance * (1 - chance) * pull**2).sum()) - _MAX_MEMORY

        shift = high if memory(high) <= 0 else low
        if memory(low) < 0 < memory(high):
            shift = float(brentq(memory, low, high, xtol=1e-3))
        matrix.data[members] = relative * shift / well.separation
    return matrix


def _within_budget(
    weights: sparse.csc_array, log_odds: NDArray[np.float64], wells: list[Wells]
) -> tuple[sparse.csc_array, NDArray[np.float64]]:
    """Drop shared members beyond the budget of a pair.

    Returns
    -------
    weights : (N, K) sparse float64
    coupling : (K, K) float64
        Nats by which one assembly's being on favours the other's, symmetric.
    """
    rows = sparse.csr_array(weights)
    n_assemblies = weights.shape[1]
    shift = np.array([well.separation for well in wells])
    coupling = np.zeros((n_assemblies, n_assemblies))
    for neuron in np.flatnonzero(np.diff(rows.indptr) > 1):
        own = slice(*rows.indptr[neuron : neuron + 2])
        units, pushes = rows.indices[own], rows.data[own]
        for a, b in combinations(range(len(units)), 2):
            if pushes[a] == 0 or pushes[b] == 0:
                continue
            one, two = units[a], units[b]
            odds = log_odds[neuron] + np.array([0.0, pushes[a] * shift[one], pushes[b] * shift[two]])
            both = odds[1] + odds[2] - odds[0]
            gain = np.logaddexp(0.0, [*odds, both]) @ [1.0, -1.0, -1.0, 1.0]
            if abs(coupling[one, two] + gain) > _COUPLING_BUDGET:
                # The weaker membership goes.
                pushes[a if abs(pushes[a]) < abs(pushes[b]) else b] = 0.0
                continue
            coupling[one, two] += gain
            coupling[two, one] += gain
    pruned = sparse.csc_array(rows)
    pruned.eliminate_zeros()
    pruned.sort_indices()
    return pruned, coupling


def _calibrated(
    shape: NDArray[np.float64],
    weights: sparse.csc_array,
    offsets: NDArray[np.float64],
    mean_activity: float,
) -> NDArray[np.float64]:
    """Log-odds of the off state with which the mean activity comes out as asked.

    Expectation over (S, K) draws of independent hidden units, measured from "off".
    """
    neurons = np.linspace(0, len(shape) - 1, min(len(shape), 4000)).astype(np.int64)
    drive = offsets @ weights.tocsr()[neurons].T.toarray()

    def excess(log_scale: float) -> float:
        base = _log_odds(float(np.exp(log_scale)), shape)[neurons]
        return float(expit(base + drive).mean()) - mean_activity

    low, high = np.log(1e-6), np.log(50.0)
    if excess(low) > 0:
        return _log_odds(float(np.exp(low)), shape)
    return _log_odds(float(np.exp(brentq(excess, low, high, xtol=1e-4))), shape)
