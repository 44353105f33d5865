"""Activity that a model generates: independent snapshots, a state that is held, a movie in time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_crbm.analysis.dreams.discrimination import Discrimination, discriminate
from napari_crbm.analysis.forecasts.baselines import Courses
from napari_crbm.analysis.forecasts.copula import Copula
from napari_crbm.analysis.forecasts.decoder import Calibration
from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM
from napari_crbm.model.sampling.draw import draw
from napari_crbm.recording import Recording
from napari_crbm.spikes import Spikes
from napari_crbm.temporal import TemporalModel, continued
from napari_crbm.temporal.lags import frames_with_past

Kind = Literal["snapshots", "held", "movie"]
Source = Literal["model", "temporal", "copula"]
Report = Callable[[int, int], None]

#: Kinds of generated activity.
KINDS = ("snapshots", "held", "movie")
#: What draws a movie.
MOVIE_SOURCES = ("temporal", "copula")
#: Names of the sources, as they are shown.
SOURCE_NAMES = {
    "model": "the model without time",
    "temporal": "the temporal model",
    "copula": "the copula process (marginals and correlations one frame apart)",
}
# Samples behind the comparison of snapshots, and frames of a movie behind it.
_SAMPLES, _MOVIE_FRAMES = 1500, 600
# Neurons whose probabilities calibrate the copula process, and frames.
_FRAMES = 400
_SEED = 72


@dataclass(frozen=True, eq=False)
class Dream:
    """Generated frames beside recorded ones, in equal number.

    Parameters
    ----------
    kind : {"snapshots", "held", "movie"}
    source : {"model", "temporal", "copula"}
        What generated them.
    generated, recorded : Recording
        Both with the positions of the neurons; ``generated`` says in its name and provenance what
        it is. For "held" the recorded frame is repeated.
    frames : (S,) int64
        Numbers of the recorded frames, in the order in which they are shown.
    kept : (N,) float32 or None
        For "held": the probability of each neuron given the activity that the assemblies have in
        the recorded frame.
    discrimination : Discrimination
    caption : str
        What is seen, to stand beside every picture.
    """

    kind: Kind
    source: Source
    generated: Recording
    recorded: Recording
    frames: NDArray[np.int64]
    kept: NDArray[np.float32] | None
    discrimination: Discrimination
    caption: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """Caption, and how well generated frames are told from recorded ones."""
        return (self.caption, *self.discrimination.sentences)


def snapshots(
    model: CRBM,
    recording: Recording,
    n_frames: int = 12,
    *,
    random_state: int = 0,
    report: Report | None = None,
) -> Dream:
    """Draw independent samples, and choose as many recorded frames at random.

    Parameters
    ----------
    model : CRBM
    recording : Recording
    n_frames : int
        Of each. Held-out frames are chosen if the model has any.
    random_state : int
    report : callable, optional
        Called with (steps done, steps in all); may raise to cancel.

    Raises
    ------
    ModelError
        If there are too few frames, or other neurons.
    """
    train, test = _parts(model, recording)
    known = test if len(test) else train
    if not 1 <= n_frames <= len(known):
        raise ModelError(f"Show 1 to {len(known)} frames; found {n_frames}.")
    drawn = draw(
        model,
        max(_SAMPLES, n_frames),
        start=recording.spikes.select_frames(train),
        random_state=random_state,
        report=report,
    )
    rng = np.random.default_rng([random_state, _SEED])
    shown = rng.choice(drawn.spikes.n_frames, n_frames, replace=False)
    frames = rng.choice(known, n_frames, replace=False)
    found = discriminate(
        model.rbm_, drawn.spikes, recording.spikes, train, test, random_state=random_state
    )
    caption = (
        f"{n_frames} independent samples of the model beside {n_frames} recorded "
        f"{'held-out ' if len(test) else ''}frames; the order of both is random and means nothing."
    )
    if drawn.warning:
        caption = f"{caption} {drawn.warning}"
    generated = drawn.spikes.select_frames(shown)
    return _dream("snapshots", "model", recording, generated, frames, found, caption, random_state)


def held_state(
    model: CRBM,
    recording: Recording,
    frame: int,
    n_frames: int = 12,
    *,
    random_state: int = 0,
    report: Report | None = None,
) -> Dream:
    """Hold the assemblies as they are in a recorded frame, and draw neurons given them.

    Parameters
    ----------
    model : CRBM
    recording : Recording
    frame : int
    n_frames : int
        Draws.
    random_state : int
    report : callable, optional

    Raises
    ------
    ModelError
        If there is no such frame, or the model is of other neurons.
    """
    rbm = model.rbm_
    train, test = _parts(model, recording)
    if not 0 <= frame < recording.n_frames or n_frames < 1:
        raise ModelError(
            f"Hold a frame from 0 to {recording.n_frames - 1} for at least one draw; found frame "
            f"{frame} and {n_frames} draws."
        )
    # Each recorded frame is held once for the comparison.
    compared = _evenly(test if len(test) else train, _SAMPLES)
    rng = np.random.default_rng([random_state, _SEED])

    def chances(frames: NDArray[np.int64]) -> NDArray[np.float64]:
        hidden = rbm.mean_h_from_v(recording.spikes.select_frames(frames)).astype(np.float64)
        return np.asarray(expit(hidden @ rbm.weights.T + rbm.fields))

    kept = chances(np.array([frame]))[0]
    draws = Spikes.from_dense(rng.random((n_frames, len(kept))) < kept)
    blocks = (rng.random((1, len(kept))) < chances(compared[[k]]) for k in range(len(compared)))
    again = Spikes.from_chunks(blocks, len(compared), recording.n_neurons)
    found = discriminate(rbm, again, recording.spikes, train, test, random_state=random_state)
    if report is not None:
        report(1, 1)
    seconds = recording.times[frame]
    caption = (
        f"Frame {frame} ({seconds:.1f} s), what its assemblies keep of it, and {n_frames} draws "
        "given the mean activity of its assemblies: what differs between them is lost. There is "
        "no time in it."
    )
    frames = np.full(n_frames, frame, dtype=np.int64)
    dream = _dream("held", "model", recording, draws, frames, found, caption, random_state)
    return replace(dream, kept=kept.astype(np.float32))


def movie(
    temporal: TemporalModel,
    recording: Recording,
    source: Source = "temporal",
    n_frames: int = 120,
    *,
    start: int | None = None,
    random_state: int = 0,
    report: Report | None = None,
) -> Dream:
    """Continue a recorded past, beside what followed in the recording.

    Parameters
    ----------
    temporal : TemporalModel
        With "copula" only its assemblies are used.
    recording : Recording
    source : {"temporal", "copula"}
    n_frames : int
        Frames of the movie. For the comparison the continuation goes on to 600.
    start : int, optional
        Last recorded frame; by default the first held-out one that has a past and a future of
        this length, or the first at all.
    random_state : int
    report : callable, optional
        Called with (frames drawn, frames in all); may raise to cancel.

    Raises
    ------
    ModelError
        If no frame has such a past and future, or the recording has other neurons.
    """
    if source not in MOVIE_SOURCES:
        raise ModelError(
            f"A movie is drawn by one of {', '.join(MOVIE_SOURCES)}; found '{source}'. The model "
            "without time has no order of frames: ask for snapshots."
        )
    temporal.rbm.require_neurons(recording.spikes)
    first = _start(temporal, recording, n_frames) if start is None else start
    future = np.arange(first + 1, first + 1 + n_frames)
    numbers = recording.frame_numbers
    if first < 0 or future[-1] >= len(numbers) or numbers[future[-1]] - numbers[first] != n_frames:
        raise ModelError(
            f"After frame {first} there are not {n_frames} frames in the same segment. Choose "
            "another start, or fewer frames."
        )
    length = max(n_frames, _MOVIE_FRAMES)
    if source == "temporal":
        drawn = continued(
            temporal, recording.spikes, first, length, random_state=random_state, report=report
        )
    else:
        drawn = _by_copula(temporal, recording, first, length, random_state)
    train = np.sort(np.concatenate([temporal.split["train"], temporal.split.get("validation", [])]))
    test = temporal.split.get("test", np.empty(0, dtype=np.int64))
    found = discriminate(
        temporal.rbm,
        drawn,
        recording.spikes,
        train.astype(np.int64),
        test,
        pairs=True,
        random_state=random_state,
    )
    interval = recording.frame_interval_s
    caption = (
        f"A continuation drawn by {SOURCE_NAMES[source]} from the past up to "
        f"{recording.times[first]:.1f} s, beside what was recorded, both at the recording's rate. "
        f"It is one of many; after {temporal.n_lags * interval:.3g} s nothing of it depends "
        "directly on the recorded past."
    )
    generated = drawn.select_frames(np.arange(n_frames))
    return _dream("movie", source, recording, generated, future, found, caption, random_state)


def _parts(model: CRBM, recording: Recording) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return training and held-out frames."""
    model.rbm_.require_neurons(recording.spikes)
    split = getattr(model, "split_", None)
    if split is None:
        return np.arange(recording.n_frames), np.empty(0, dtype=np.int64)
    return np.asarray(split["train"], np.int64), np.asarray(split["test"], np.int64)


def _evenly(frames: NDArray[np.int64], n_frames: int) -> NDArray[np.int64]:
    return frames[np.unique(np.linspace(0, len(frames) - 1, n_frames).astype(np.int64))]


def _start(temporal: TemporalModel, recording: Recording, n_frames: int) -> int:
    """Choose the frame before the movie."""
    reach = temporal.n_lags - 1 + n_frames
    for part in (temporal.split.get("test", np.empty(0)), np.arange(recording.n_frames)):
        found = frames_with_past(np.asarray(part, np.int64), recording.frame_numbers, reach)
        if len(found):
            return int(found[0]) - n_frames
    raise ModelError(
        f"No segment of the recording has the {temporal.n_lags} frames of the past and "
        f"{n_frames} of the movie. Choose fewer frames."
    )


def _by_copula(
    temporal: TemporalModel, recording: Recording, first: int, n_frames: int, random_state: int
) -> Spikes:
    """Continue the assemblies by the copula process, and draw neurons given their activity."""
    activity = temporal.activity(recording.spikes)
    train = np.asarray(temporal.split["train"], dtype=np.int64)
    none = np.empty(0, dtype=np.int64)
    fit = Courses(activity, temporal.functions, train, none).with_future(train, 1)
    rng = np.random.default_rng([random_state, _SEED])
    course = Copula.fitted(activity, fit).continued(activity[[first]], n_frames, rng)[:, 0]
    rbm = temporal.rbm
    some = _evenly(train, _FRAMES)

    def odds(of: NDArray[np.floating]) -> NDArray[np.float64]:
        hidden = temporal.centre + temporal.scale * of
        return np.asarray(hidden @ rbm.weights.T + rbm.fields)

    spikes = recording.spikes.select_frames(some)
    rate = np.clip(recording.spikes.select_frames(train).mean_activity, 1e-6, 1 - 1e-6)
    calibration = Calibration.fitted(odds(activity[some]), spikes.dense().astype(bool), rate)
    blocks = (
        rng.random((1, recording.n_neurons)) < calibration.probability(odds(course[[k]]))
        for k in range(n_frames)
    )
    return Spikes.from_chunks(blocks, n_frames, recording.n_neurons)


def _dream(
    kind: Kind,
    source: Source,
    recording: Recording,
    spikes: Spikes,
    frames: NDArray[np.int64],
    found: Discrimination,
    caption: str,
    random_state: int,
) -> Dream:
    """Put generated activity beside recorded frames, both as recordings."""
    interval = float(recording.frame_interval_s or 1.0)
    apart: NDArray[np.float64] = np.arange(spikes.n_frames, dtype=np.float64) * interval
    successive = len(frames) > 1 and bool((np.diff(frames) == 1).all())
    made = _with_spikes(
        replace(recording, name=f"generated by {source} ({kind}), {recording.name}"),
        spikes,
        recording.times[frames] if kind == "movie" else apart,
    )
    shown = _with_spikes(
        recording,
        recording.spikes.select_frames(frames),
        recording.times[frames] if successive else apart,
    )
    made = made.with_step("generate", kind=kind, source=source, seed=random_state)
    return Dream(kind, source, made, shown, frames, None, found, caption)


def _with_spikes(recording: Recording, spikes: Spikes, times: NDArray[np.float64]) -> Recording:
    """Return the neurons of a recording with other activity."""
    return replace(
        recording,
        spikes=spikes,
        times=times,
        fluorescence=None,
        traces={},
        boundaries=(),
        source=None,
    )
