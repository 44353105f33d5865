"""Forecasts of a temporal model: many possible continuations of a recorded past."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.spikes import Spikes
from napari_crbm.temporal.chains import BATCH, DrivenChains
from napari_crbm.temporal.jumps import Jumps
from napari_crbm.temporal.model import TemporalModel

#: Continuations of each past, and Gibbs steps (each with an exchange of states) a frame.
N_PARTICLES, GIBBS_STEPS = 64, 3
# Values (chains times neurons) held at a time, which bounds the memory.
_VALUES = 40_000_000
_FEWEST_STARTS, _MOST_STARTS = 4, 32
_STEP, _EXCHANGE, _LAST, _MOVIE = 21, 22, 23, 24
# Continuations beside the one that `continued` returns.
_BESIDE = 16


class Walk:
    """Continuations of recorded pasts, frame by frame; hold `kernel_threads`.

    Parameters
    ----------
    model : TemporalModel
    spikes : Spikes
        The whole recording.
    starts : (C,) int
        Last recorded frame of each continuation.
    courses : (T, M) float
        ``model.activity(spikes)``.
    jumps : Jumps
    key : (int, int)
        Seed, and number of the batch.
    gibbs_steps : int
        In every frame ahead.
    """

    def __init__(
        self,
        model: TemporalModel,
        spikes: Spikes,
        starts: NDArray[np.integer],
        courses: NDArray[np.floating],
        jumps: Jumps,
        key: tuple[int, int],
        gibbs_steps: int = GIBBS_STEPS,
    ) -> None:
        self.model, self.ahead = model, 0
        self.chains = DrivenChains(model.rbm, spikes, starts, jumps)
        self.chains.fields = model.fields
        self._key, self.gibbs_steps = key, gibbs_steps
        # Latest frame first, as the columns of the functions of the lag.
        frames = np.asarray(starts)[:, None] - np.arange(model.n_lags)
        self._recent = np.asarray(courses, dtype=np.float32)[frames]
        self._functions = model.functions.astype(np.float32)

    def steps(self) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Go one frame ahead; yield the number and the drives (C, M) after each Gibbs step."""
        self.ahead += 1
        seed, number = self._key
        seen = np.einsum("bl,clm->cbm", self._functions, self._recent, optimize=True)
        drive = self.model.drive(seen)
        generator = np.random.default_rng([seed, _EXCHANGE, number, self.ahead])
        for step in range(self.gibbs_steps):
            self.chains.exchange(drive, generator)
            self.before_step(drive, step)
            key = stream(seed, _STEP, number, self.ahead, step)
            self.chains.advance(drive, key, jumping=1)
            yield step, drive
        now = np.empty_like(self.chains.inputs)
        now[self.chains.place] = self.model.standardised(
            self.model.rbm.hidden.mean(self.chains.inputs)
        )
        self._recent = np.concatenate([self.seen(now)[:, None], self._recent[:, :-1]], axis=1)

    def before_step(self, drive: NDArray[np.float32], step: int) -> None:
        """Do something before a Gibbs step; nothing here."""

    def seen(self, now: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the activity (C, M) that later frames depend on; as it is here."""
        return now

    @property
    def activity(self) -> NDArray[np.float32]:
        """Standardised activity of assemblies in the frame reached, (C, M)."""
        return self._recent[:, 0]

    def state(self, continuation: int) -> NDArray[np.uint8]:
        """Return the activity of the neurons in one continuation, (N,) uint8."""
        chain = int(np.flatnonzero(self.chains.place == continuation)[0])
        batch, inside = divmod(chain, BATCH)
        words = self.chains.bits[batch][:, inside // 64]
        return ((words >> np.uint64(inside % 64)) & np.uint64(1)).astype(np.uint8)


def continued(
    model: TemporalModel,
    spikes: Spikes,
    start: int,
    n_frames: int,
    *,
    activity: NDArray[np.floating] | None = None,
    random_state: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Spikes:
    """Draw one possible continuation of a recorded past.

    Several run side by side, so that they can exchange states; one of them is returned.

    Parameters
    ----------
    model : TemporalModel
    spikes : Spikes
        The whole recording.
    start : int
        Last recorded frame; the frames before it must belong to the same segment.
    n_frames : int
        Frames to draw.
    activity : (T, M) float, optional
        ``model.activity(spikes)``; computed if not given.
    random_state : int
    report : callable, optional
        Called with frames drawn and frames in all; may raise to cancel.

    Returns
    -------
    Spikes
        (n_frames, N).

    Raises
    ------
    ModelError
        If the start has too few frames before it, or the recording has other neurons.
    """
    model.rbm.require_neurons(spikes)
    require_starts(model, spikes, np.array([start]))
    courses = model.activity(spikes) if activity is None else activity

    def blocks() -> Iterator[NDArray[np.uint8]]:
        with kernel_threads(model.rbm.n_threads):
            past = spikes.select_frames(np.arange(start + 1))
            jumps = Jumps.of(model.rbm, model.rbm.inputs_h_from_v(past))
            walk = Walk(
                model, spikes, np.full(_BESIDE, start), courses, jumps, (random_state, _MOVIE)
            )
        for frame in range(n_frames):
            with kernel_threads(model.rbm.n_threads):
                for _ in walk.steps():
                    pass
            if report is not None:
                report(frame + 1, n_frames)
            yield walk.state(0)[None]

    return Spikes.from_chunks(blocks(), n_frames, spikes.n_neurons)


def require_starts(model: TemporalModel, spikes: Spikes, starts: NDArray[np.int64]) -> None:
    """Refuse starts that have too few frames before them.

    Raises
    ------
    ModelError
    """
    if len(starts) == 0 or starts.min() < model.n_lags - 1 or starts.max() >= spikes.n_frames:
        raise ModelError(
            f"Forecasts start from frames {model.n_lags - 1} to {spikes.n_frames - 1} of this "
            f"recording, which have {model.n_lags} frames to look back on."
        )


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
    episodes : (S, 2, M) int64
        Frames in which assemblies are on, and ends of such episodes, in all continuations.
    """

    horizons: NDArray[np.int64]
    probability: NDArray[np.float32]
    activity: NDArray[np.float32]
    episodes: NDArray[np.int64]


def forecast(
    model: TemporalModel,
    spikes: Spikes,
    starts: NDArray[np.int64],
    horizons: Sequence[int],
    *,
    activity: NDArray[np.floating] | None = None,
    neurons: NDArray[np.integer] | None = None,
    on_above: NDArray[np.floating] | float = np.inf,
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
    on_above : (M,) float or float
        Activity above which an assembly counts as on, for ``Forecast.episodes``.
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
    require_starts(model, spikes, starts)
    courses = model.activity(spikes) if activity is None else activity
    chosen = np.arange(model.n_neurons) if neurons is None else np.asarray(neurons)
    probability = np.empty((len(wanted), len(starts), len(chosen)), dtype=np.float32)
    expected = np.empty((len(wanted), len(starts), model.n_assemblies), dtype=np.float32)
    episodes = np.zeros((len(starts), 2, model.n_assemblies), dtype=np.int64)
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
                np.asarray(on_above, dtype=np.float64),
                (probability[:, part], expected[:, part], episodes[part]),
            )
    if report is not None:
        report(len(starts), len(starts))
    return Forecast(wanted, probability, expected, episodes)


def _continue(
    model: TemporalModel,
    spikes: Spikes,
    starts: NDArray[np.int64],
    horizons: NDArray[np.int64],
    courses: NDArray[np.floating],
    neurons: NDArray[np.integer],
    jumps: Jumps,
    drawing: tuple[int, int, int, int],
    on_above: NDArray[np.floating],
    out: tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]],
) -> None:
    """Continue some pasts side by side, and write what is expected at each horizon."""
    n_particles, gibbs_steps, seed, number = drawing
    rbm = model.rbm
    weights, fields = rbm.weights[neurons], model.fields[neurons]
    owner = np.repeat(np.arange(len(starts)), n_particles)
    walk = Walk(model, spikes, starts[owner], courses, jumps, (seed, number), gibbs_steps)
    shape = (len(starts), n_particles, -1)
    on = np.asarray(courses)[starts[owner]] > on_above
    for ahead in range(1, int(horizons[-1]) + 1):
        row = np.flatnonzero(horizons == ahead)
        chance = np.zeros((len(owner), len(neurons) if len(row) else 0), dtype=np.float32)
        n_added = 0
        for step, drive in walk.steps():
            if len(row) and 2 * step >= gibbs_steps - 1:
                chains = walk.chains
                own = chains.inputs + drive[chains.place]
                hidden = rbm.hidden.sample(own, stream(seed, _LAST, number, ahead, step))
                chance[chains.place] += expit(hidden @ weights.T + fields)
                n_added += 1
        now = walk.activity
        was, on = on, now > on_above
        out[2][:, 0] += was.reshape(shape).sum(axis=1)
        out[2][:, 1] += (was & ~on).reshape(shape).sum(axis=1)
        if len(row):
            out[0][row[0]] = chance.reshape(shape).mean(axis=1) / n_added
            out[1][row[0]] = now.reshape(shape).mean(axis=1)
