"""The training of a temporal model, to be followed, paused, stopped and resumed.

Weights and hidden units of the trained cRBM do not change; the fields of neurons follow, so that
mean activities stay right. One persistent chain for each training frame, driven by the past of that
frame, gives the model's side of the gradient. Each pass through the frames is one exchange of
states, one Gibbs step and one step of the couplings. The first couplings are those of assemblies to
their own past; then the penalty on others is lowered step by step, each time from the couplings
before.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.rbm import RBM, HasRBM
from napari_crbm.model.training.checkpoint import require_checkpoint
from napari_crbm.model.training.progress import Control
from napari_crbm.model.training.result import library_versions
from napari_crbm.recording import Recording
from napari_crbm.temporal.chains import DrivenChains
from napari_crbm.temporal.couplings import Ascent, WhitePast, lengths
from napari_crbm.temporal.frames import divide
from napari_crbm.temporal.jumps import Jumps
from napari_crbm.temporal.lags import filtered_past, lag_functions, n_lags
from napari_crbm.temporal.model import TemporalModel
from napari_crbm.temporal.settings import TemporalSettings
from napari_crbm.temporal.validation import Validation, chosen

#: Version of what `TemporalTraining.checkpoint` returns.
CHECKPOINT_VERSION = 1
#: Penalties that are tried after "no coupling", as shares of the smallest that allows none.
PENALTIES = (0.5, 0.25, 0.125, 0.0625, 0.03125)
# The path ends after so many penalties in a row that are worse than the best.
_PATIENCE = 2
# Share of a Newton step by which fields follow the mean activities.
_FIELD_STEP = 0.2
# Share of the passes of each penalty, the last ones, whose couplings are averaged.
_AVERAGED = 0.5
# Passes between two jumps of a chain, which take longer than its Gibbs steps.
_JUMP_EVERY = 4
_START, _GIBBS, _EXCHANGE = 31, 32, 33


@dataclass
class _Sums:
    """Sums over passes, or their means: couplings, shift, fields, gradient of the couplings."""

    white: NDArray[np.float64]
    shift: NDArray[np.float64]
    fields: NDArray[np.float64]
    gradient: NDArray[np.float64]
    n_passes: int = 0

    @classmethod
    def of_zeros(cls, shape: tuple[int, ...], n_neurons: int) -> _Sums:
        return cls(np.zeros(shape), np.zeros(shape[0]), np.zeros(n_neurons), np.zeros(shape))

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> _Sums:
        arrays = {name: np.array(state[name]) for name in ("white", "shift", "fields", "gradient")}
        return cls(**arrays, n_passes=int(state["n_passes"]))

    def add(
        self,
        white: NDArray[np.float64],
        shift: NDArray[np.float64],
        fields: NDArray[np.float32],
        gradient: NDArray[np.float64],
    ) -> None:
        self.white += white
        self.shift += shift
        self.fields += fields
        self.gradient += gradient
        self.n_passes += 1

    def mean(self) -> _Sums:
        n = self.n_passes
        return _Sums(self.white / n, self.shift / n, self.fields / n, self.gradient / n, 1)


@dataclass(frozen=True)
class TemporalProgress:
    """Progress of a training.

    Parameters
    ----------
    done, total : int
        Passes; there may be fewer in all than ``total``.
    elapsed_s : float
    phase : {"training", "paused", "finished", "stopped"}
    penalty : float
        In force; infinite while assemblies depend on their own past alone.
    n_couplings : int
        Pairs of different assemblies that are coupled.
    """

    done: int
    total: int
    elapsed_s: float
    phase: str
    penalty: float
    n_couplings: int


class TemporalTraining:
    """One training of one temporal model: iterate to advance it, then ask for the model.

    Parameters
    ----------
    model : CRBM or RBM
        The trained model without time.
    recording : Recording
        That it was trained on.
    settings : TemporalSettings, optional
    control : Control, optional
        For pause and stop from another thread.
    resume : dict, optional
        State from `checkpoint`; training then continues bit for bit. Of ``settings`` only
        ``n_threads`` counts.

    Raises
    ------
    ModelError
        If the recording has other neurons or too few frames, or the checkpoint belongs to another
        recording or model.

    Examples
    --------
    >>> from napari_crbm import CRBM
    >>> from napari_crbm.temporal import TemporalSettings, TemporalTraining
    >>> model = CRBM(n_hidden=3, recipe="quick").fit(recording)
    >>> settings = TemporalSettings(longest_lag_s=1.0, penalty=0.05, n_passes=2)
    >>> training = TemporalTraining(model, recording, settings)
    >>> for progress in training:
    ...     share_done = progress.done / progress.total
    >>> temporal = training.model()
    """

    def __init__(
        self,
        model: HasRBM,
        recording: Recording,
        settings: TemporalSettings | None = None,
        *,
        control: Control | None = None,
        resume: Mapping[str, Any] | None = None,
    ) -> None:
        settings = settings or TemporalSettings()
        if resume is not None:
            require_checkpoint(resume, recording.spikes.fingerprint, CHECKPOINT_VERSION)
            stored = TemporalSettings(**resume["settings"])
            settings = replace(stored, n_threads=settings.n_threads)
        self.settings = settings
        self.control = control or Control()
        self.elapsed_s = 0.0
        self._recording = recording
        self._rbm = replace(model.rbm_, n_threads=settings.n_threads or None)
        self._rbm.require_neurons(recording.spikes)
        interval = recording.frame_interval_s
        longest = n_lags(settings.longest_lag_s, interval)
        auto = settings.penalty == "auto"
        self.split = divide(
            getattr(model, "split_", None), recording.frame_numbers, longest, validate=auto
        )
        frames = self.split["train"]
        mean_h = self._rbm.mean_h_from_v(recording.spikes)
        centre = mean_h[frames].mean(axis=0, dtype=np.float64)
        scale = mean_h[frames].std(axis=0, dtype=np.float64)
        functions = lag_functions(longest, settings.n_functions)
        n_units = self._rbm.n_hidden
        self._empty = TemporalModel(
            self._rbm,
            functions,
            np.zeros((len(functions), n_units, n_units)),
            np.zeros(n_units),
            self._rbm.fields,
            centre,
            np.where(scale > 1e-6, scale, 1.0),
            interval,
        )
        self._activity = self._empty.standardised(mean_h)
        with kernel_threads(self.settings.n_threads or None):
            past = filtered_past(self._activity, functions)[frames]
            self._past = WhitePast.of(past)
            self._inputs = self._rbm.inputs_h_from_v(recording.spikes.select_frames(frames))
            start = np.random.default_rng([settings.random_state, _START])
            # Starting from its own frame, a chain would agree with the recording before it has
            # learned to: each starts from another frame.
            self._chains = DrivenChains(
                self._rbm,
                recording.spikes,
                start.permutation(frames),
                Jumps.of(self._rbm, self._inputs),
            )
        self._fields = np.array(self._rbm.fields)
        self._rate = recording.spikes.select_frames(frames).mean_activity
        self._ascent = Ascent.at_zero(n_units, len(functions))
        self._penalties: list[float] = [np.inf]
        self._passes = 0
        self._sums = _Sums.of_zeros(self._ascent.white.shape, len(self._fields))
        self._solutions: list[_Sums] = []
        # Gains in the validation frames, of each penalty.
        self._gains: list[NDArray[np.float64]] = []
        self._validation: Validation | None = None
        if resume is not None:
            self._restore(resume)

    # --- running --------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether all penalties have been tried."""
        return len(self._solutions) == len(self._penalties) > 1

    @property
    def passes(self) -> int:
        """Passes made so far."""
        return len(self._solutions) * self.settings.n_passes + self._passes

    def __iter__(self) -> Iterator[TemporalProgress]:
        """Yield a record after every pass."""
        while not self.finished and not self.control.stopped:
            if self.control.paused:
                yield self._progress("paused")
                self.control.wait_while_paused(0.2)
                continue
            started = time.perf_counter()
            with kernel_threads(self.settings.n_threads or None):
                self._advance()
            if self._passes == self.settings.n_passes:
                self._end_of_penalty()
            self.elapsed_s += time.perf_counter() - started
            yield self._progress("training")
        yield self._progress("finished" if self.finished else "stopped")

    def _progress(self, phase: str) -> TemporalProgress:
        n_penalties = 1 + (len(PENALTIES) if self.settings.penalty == "auto" else 1)
        return TemporalProgress(
            self.passes,
            n_penalties * self.settings.n_passes,
            self.elapsed_s,
            phase,
            self._penalties[min(len(self._solutions), len(self._penalties) - 1)],
            int(np.count_nonzero(lengths(self._ascent.white))),
        )

    def _advance(self) -> None:
        """Make one pass through the training frames."""
        seed, passes = self.settings.random_state, self.passes
        drive = self._past.drive(*self._ascent.ahead())
        generator = np.random.default_rng([seed, _EXCHANGE, passes])
        self._chains.exchange(drive, generator)
        self._chains.fields = self._fields
        self._chains.advance(drive, stream(seed, _GIBBS, passes), jumping=_JUMP_EVERY)
        recorded = self._rbm.hidden.mean(self._inputs + drive)
        gradient = self._past.gradient(recorded - self._chains.means(drive))
        self._ascent.move(gradient, self._past.step, self._penalties[len(self._solutions)])
        # A Newton step of each field towards the recorded mean activity.
        variance = np.maximum(self._rate * (1 - self._rate), 2 / len(self._chains))
        change = _FIELD_STEP * (self._rate - self._chains.rates()) / variance
        self._fields = (self._fields + change).astype(np.float32)
        self._passes += 1
        if self._passes > (1 - _AVERAGED) * self.settings.n_passes:
            self._sums.add(self._ascent.white, self._ascent.shift, self._fields, gradient[0])

    def _end_of_penalty(self) -> None:
        """Keep the couplings of this penalty, score them, and go on to the next."""
        found = self._sums.mean()
        off = lengths(self._ascent.white) == 0
        np.fill_diagonal(off, False)
        found.white[off] = 0.0
        self._solutions.append(found)
        if len(self._solutions) == 1:
            smallest = float(lengths(found.gradient).max(initial=0.0))
            wanted = self.settings.penalty
            if isinstance(wanted, str):
                self._penalties += [share * smallest for share in PENALTIES]
            else:
                self._penalties.append(float(wanted))
        if self.settings.penalty == "auto":
            if self._validation is None:
                self._validation = Validation.of(
                    self._recording.spikes, self._activity, self.split, self.settings.random_state
                )
            self._gains.append(self._validation.gains(self._with(found)))
            best = int(np.argmax([each.mean() for each in self._gains]))
            if len(self._gains) - 1 - best >= _PATIENCE:
                self._penalties = self._penalties[: len(self._solutions)]
        self._passes = 0
        self._sums = _Sums.of_zeros(self._ascent.white.shape, len(self._fields))

    # --- results --------------------------------------------------------------------------

    def model(self) -> TemporalModel:
        """Return the model with the penalty that validation frames choose, of those tried so far.

        Raises
        ------
        ModelError
            Before the first penalty is finished.
        """
        if not self._solutions:
            raise ModelError("The training has no result yet: let it finish its first passes.")
        best = chosen(self._gains) if self._gains else len(self._solutions) - 1
        return self._with(self._solutions[best], penalty=self._penalties[best])

    @property
    def history(self) -> dict[str, NDArray[np.float64]]:
        """One row for each penalty: ``penalty``, ``n_couplings``, ``validation_gain``."""
        done = len(self._solutions)
        gains = [float(each.mean()) for each in self._gains] or [np.nan] * done
        counts = [np.count_nonzero(lengths(each.white)) for each in self._solutions]
        return {
            "penalty": np.array(self._penalties[:done]),
            "n_couplings": np.array(counts, dtype=np.float64),
            "validation_gain": np.array(gains, dtype=np.float64),
        }

    def _with(self, found: _Sums, penalty: float | None = None) -> TemporalModel:
        settings = self.settings
        if penalty is not None and np.isfinite(penalty):
            settings = replace(settings, penalty=penalty)
        return replace(
            self._empty,
            couplings=self._past.couplings(found.white),
            shift=found.shift,
            fields=found.fields.astype(np.float32),
            settings=settings,
            history=self.history,
            split=self.split,
            recording_fingerprint=self._recording.spikes.fingerprint,
            versions=library_versions(),
        )

    # --- checkpoints ----------------------------------------------------------------------

    def checkpoint(self) -> dict[str, Any]:
        """Return everything needed to continue bit for bit: arrays, numbers and strings only."""
        return {
            "version": CHECKPOINT_VERSION,
            "fingerprint": self._recording.spikes.fingerprint,
            "model": _fingerprint(self._rbm),
            "settings": self.settings.as_dict(),
            "elapsed_s": self.elapsed_s,
            "passes": self._passes,
            "penalties": np.array(self._penalties),
            "gains": {str(number): each for number, each in enumerate(self._gains)},
            "solutions": {str(k): asdict(each) for k, each in enumerate(self._solutions)},
            "ascent": asdict(self._ascent),
            "sums": asdict(self._sums),
            "fields": self._fields.copy(),
            **self._chains.state(),
        }

    def _restore(self, state: Mapping[str, Any]) -> None:
        ascent = {name: np.array(values) for name, values in state["ascent"].items()}
        known = state.get("model", _fingerprint(self._rbm))
        if ascent["white"].shape != self._ascent.white.shape or known != _fingerprint(self._rbm):
            raise ModelError(
                f"The checkpoint belongs to another model, of {len(ascent['white'])} assemblies; "
                f"this one has {self._rbm.n_hidden}. Give the model that the training was started "
                "with."
            )
        self._ascent = Ascent(**ascent)
        self._passes = int(state["passes"])
        self.elapsed_s = float(state["elapsed_s"])
        self._penalties = [float(each) for each in state["penalties"]]
        self._gains = [np.array(state["gains"][str(k)]) for k in range(len(state["gains"]))]
        kept = state["solutions"]
        self._solutions = [_Sums.of(kept[str(k)]) for k in range(len(kept))]
        self._sums = _Sums.of(state["sums"])
        self._fields = np.array(state["fields"], dtype=np.float32)
        self._chains.restore(dict(state))


def _fingerprint(rbm: RBM) -> str:
    """Return a hash of the parameters of a model without time."""
    found = hashlib.sha256(rbm.weights.tobytes())
    for values in (rbm.fields, *rbm.hidden):
        found.update(np.asarray(values).tobytes())
    return found.hexdigest()
