"""Forecasts of a temporal model: many possible continuations of a recorded past."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.spikes import Spikes
from napari_crbm.temporal.chains import DrivenChains
from napari_crbm.temporal.jumps import Jumps
from napari_crbm.temporal.model import TemporalModel

#: Continuations of each past, and Gibbs steps (each with an exchange of states) a frame.
N_PARTICLES, GIBBS_STEPS = 64, 3
# Values (chains times neurons) held at a time, which bounds the memory.
_VALUES = 40_000_000
_FEWEST_STARTS, _MOST_STARTS = 4, 32
_STEP, _EXCHANGE, _LAST = 21, 22, 23


@dataclass(frozen=True, eq=False)
class Forecast:
    """What a model expects some frames after recorded ones.

    Parameters
    ----------
    horizons : (H,) int64
        Frames ahead.
    probability : (H, S, n) float32
        Probability of each of n neurons to be active, for S recorded pasts.
    activity : (H, S, M) float32
        Expected standardised activity of assemblies.
    """

    horizons: NDArray[np.int64]
    probability: NDArray[np.float32]
    activity: NDArray[np.float32]


def forecast(
    model: TemporalModel,
    spikes: Spikes,
    starts: NDArray[np.int64],
    horizons: Sequence[int],
    *,
    activity: NDArray[np.floating] | None = None,
    neurons: NDArray[np.integer] | None = None,
    n_particles: int = N_PARTICLES,
    gibbs_steps: int = GIBBS_STEPS,
    random_state: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Forecast:
    """Forecast the activity after recorded frames.

    Each past has ``n_particles`` continuations. In every frame ahead Gibbs steps draw the activity
    given the past of the continuation, of which the drawn activity then becomes part.

    Parameters
    ----------
    model : TemporalModel
    spikes : Spikes
        The whole recording.
    starts : (S,) int
        Last recorded frames. The frames before them must belong to the same segment.
    horizons : sequence of int
        Frames ahead.
    activity : (T, M) float, optional
        ``model.activity(spikes)``; computed if not given.
    neurons : (n,) int, optional
        Neurons to forecast; all by default.
    n_particles, gibbs_steps, random_state : int
    report : callable, optional
        Called with pasts done and pasts in all; may raise to cancel.

    Raises
    ------
    ModelError
        If a start has too few frames before it, or the recording has other neurons.
    """
    model.rbm.require_neurons(spikes)
    starts = np.asarray(starts, dtype=np.int64)
    wanted = np.array(sorted({int(each) for each in horizons}), dtype=np.int64)
    if len(wanted) == 0 or wanted[0] < 1:
        raise ModelError(f"Horizons are frames ahead, 1 or more; found {list(horizons)}.")
    if len(starts) == 0 or starts.min() < model.n_lags - 1 or starts.max() >= spikes.n_frames:
        raise ModelError(
            f"Forecasts start from frames {model.n_lags - 1} to {spikes.n_frames - 1} of this "
            f"recording, which have {model.n_lags} frames to look back on."
        )
    courses = model.activity(spikes) if activity is None else activity
    chosen = np.arange(model.n_neurons) if neurons is None else np.asarray(neurons)
    probability = np.empty((len(wanted), len(starts), len(chosen)), dtype=np.float32)
    expected = np.empty((len(wanted), len(starts), model.n_assemblies), dtype=np.float32)
    at_once = _VALUES // (n_particles * model.n_neurons)
    at_once = int(np.clip(at_once, _FEWEST_STARTS, _MOST_STARTS))
    with kernel_threads(model.rbm.n_threads):
        past = spikes.select_frames(np.arange(int(starts.max()) + 1))
        jumps = Jumps.of(model.rbm, model.rbm.inputs_h_from_v(past))
    for first in range(0, len(starts), at_once):
        if report is not None:
            report(first, len(starts))
        part = slice(first, min(first + at_once, len(starts)))
        with kernel_threads(model.rbm.n_threads):
            _continue(
                model,
                spikes,
                starts[part],
                wanted,
                courses,
                chosen,
                jumps,
                (n_particles, gibbs_steps, random_state, first),
                (probability[:, part], expected[:, part]),
            )
    if report is not None:
        report(len(starts), len(starts))
    return Forecast(wanted, probability, expected)


def _continue(
    model: TemporalModel,
    spikes: Spikes,
    starts: NDArray[np.int64],
    horizons: NDArray[np.int64],
    courses: NDArray[np.floating],
    neurons: NDArray[np.integer],
    jumps: Jumps,
    drawing: tuple[int, int, int, int],
    out: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> None:
    """Continue some pasts side by side, and write what is expected at each horizon."""
    n_particles, gibbs_steps, seed, number = drawing
    rbm, n_lags = model.rbm, model.n_lags
    weights, fields = rbm.weights[neurons], model.fields[neurons]
    owner = np.repeat(np.arange(len(starts)), n_particles)
    chains = DrivenChains(rbm, spikes, starts[owner], jumps)
    chains.fields = model.fields
    # Latest frame first, as the columns of the functions of the lag.
    frames = starts[:, None] - np.arange(n_lags)
    recent = np.asarray(courses, dtype=np.float32)[frames][owner]
    functions = model.functions.astype(np.float32)
    for ahead in range(1, int(horizons[-1]) + 1):
        drive = model.drive(np.einsum("bl,clm->cbm", functions, recent, optimize=True))
        generator = np.random.default_rng([seed, _EXCHANGE, number, ahead])
        row = np.flatnonzero(horizons == ahead)
        chance = np.zeros((len(chains), len(neurons) if len(row) else 0), dtype=np.float32)
        for step in range(gibbs_steps):
            chains.exchange(drive, generator)
            chains.advance(drive, stream(seed, _STEP, number, ahead, step), jumping=1)
            if len(row) and 2 * step >= gibbs_steps - 1:
                own = chains.inputs + drive[chains.place]
                hidden = rbm.hidden.sample(own, stream(seed, _LAST, number, ahead, step))
                chance[chains.place] += expit(hidden @ weights.T + fields)
        now = np.empty_like(chains.inputs)
        now[chains.place] = model.standardised(rbm.hidden.mean(chains.inputs))
        if len(row):
            n_added = sum(2 * step >= gibbs_steps - 1 for step in range(gibbs_steps))
            shape = (len(starts), n_particles, -1)
            out[0][row[0]] = chance.reshape(shape).mean(axis=1) / n_added
            out[1][row[0]] = now.reshape(shape).mean(axis=1)
        recent = np.concatenate([now[:, None], recent[:, :-1]], axis=1)
