r"""Directed couplings between assemblies: what the past of one adds to the prediction of another.

To first order in the couplings U of the temporal model, the expected activity of a target is what
its own past predicts, plus the variance of its hidden unit times U times the past of the sources.
So U is estimated by regression. The target's own past (linear and quadratic) and changes slower
than `SLOW` longest lags are removed from its activity; from the past of each source, seen through
the functions of the lag, the past of all other assemblies is removed. What remains of both
is multiplied frame by frame, and the mean product is the coupling of the pair, in standard
deviations of the target per standard deviation of that past.

Null: the remaining course of the target is shifted in a circle against that of the source, by 3 to
20 longest lags. This keeps the autocorrelation of both courses, and slow changes that they share.
The squared coupling of all these shifts is described by a gamma distribution.

A pair is *directed* if the source couples to the target beyond this null (false discovery rate of
all ordered pairs), the target does not couple back, the difference of the two couplings is larger
than its variation between blocks of time allows (false discovery rate of all pairs), and both
halves of the recording agree in sign. A signal that reaches two assemblies at different times
passes all of this.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, stats

from napari_crbm.analysis.chance import false_discovery_rate
from napari_crbm.errors import ModelError
from napari_crbm.recording import Recording
from napari_crbm.temporal import TemporalModel
from napari_crbm.temporal.lags import filtered_past, frames_with_past

#: Changes slower than so many longest lags are removed, and shifts are at most as long.
SLOW = 20
#: Shortest shift of the null, in longest lags.
_NEAREST = 3
#: Rate of false discoveries at which a coupling or a direction is claimed.
SIGNIFICANT = 0.05
#: Decay time of the indicator that results are compared with: GCaMP6s (Dunn et al. 2016).
DECAY_S = 3.55
# Blocks of time between which the difference of two couplings varies.
_BLOCKS = 20
# Fewest frames, in longest lags.
_FEWEST = 25
# Ridge of regressions, as a share of the mean variance.
_RIDGE, _RIDGE_OF_PAIR = 0.01, 0.02


@dataclass(frozen=True, eq=False)
class Directions:
    """Couplings between assemblies, rows targets and columns sources.

    Parameters
    ----------
    lags_s : (L,) float64
    by_lag : (L, M, M) float64
        Change of the target, in standard deviations, while the source was one standard deviation
        above its mean at this lag. The diagonal holds the dependence on the own past.
    strength : (M, M) float64
        Standard deviation of what the past of the source adds to the target, in those of the
        target; zero on the diagonal.
    p, q : (M, M) float64
        Of the coupling; NaN on the diagonal.
    difference_q : (M, M) float64
        Of the difference between the two couplings of a pair; symmetric.
    stronger : (M, M) bool
        Whether the source couples to the target more than the target to the source.
    halves : (2, M, M) float64
        Sum of ``by_lag`` over the lags in each half of the recording.
    own_share : (M,) float64
        Share of the variance of each assembly that its own past explains.
    frame_interval_s : float
    decay_s : float or None
        Decay time that was removed from the activity beforehand.
    """

    lags_s: NDArray[np.float64]
    by_lag: NDArray[np.float64]
    strength: NDArray[np.float64]
    p: NDArray[np.float64]
    q: NDArray[np.float64]
    difference_q: NDArray[np.float64]
    stronger: NDArray[np.bool_]
    halves: NDArray[np.float64]
    own_share: NDArray[np.float64]
    frame_interval_s: float
    decay_s: float | None = None

    @property
    def total(self) -> NDArray[np.float64]:
        """Sum of `by_lag` over the lags, (M, M): positive if the source excites the target."""
        return np.asarray(self.by_lag.sum(axis=0))

    @property
    def coupled(self) -> NDArray[np.bool_]:
        """Whether the source couples to the target, (M, M)."""
        return np.asarray(self.q <= SIGNIFICANT)

    @property
    def stable(self) -> NDArray[np.bool_]:
        """Whether both halves of the recording agree in sign with the whole, (M, M)."""
        signs = np.sign(self.halves)
        return np.asarray((signs[0] == signs[1]) & (signs[0] == np.sign(self.total)))

    @property
    def directed(self) -> NDArray[np.bool_]:
        """Whether there is a direction from source to target, (M, M)."""
        one_way = self.coupled & ~self.coupled.T & self.stable & self.stronger
        return np.asarray(one_way & (self.difference_q <= SIGNIFICANT))

    @property
    def agreement(self) -> float:
        """Correlation of the couplings of all ordered pairs between the two halves."""
        off = ~np.eye(len(self.strength), dtype=bool)
        first, second = self.halves[:, off]
        if min(first.std(), second.std()) < 1e-12:
            return float("nan")
        return float(np.corrcoef(first, second)[0, 1])

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was found, how far it repeats, and what the decay of an indicator explains."""
        n_units = len(self.strength)
        coupled, directed = int(self.coupled.sum()), int(self.directed.sum())
        both = int((self.coupled & self.coupled.T).sum()) // 2
        found = (
            f"{coupled} of {n_units * (n_units - 1)} ordered pairs of assemblies are coupled "
            f"beyond chance (false discovery rate {SIGNIFICANT}): {directed} in one direction, "
            f"{both} {'pair' if both == 1 else 'pairs'} both ways, the others without a clear "
            "direction."
        )
        halves = (
            f"Couplings of the two halves of the recording correlate with r = {self.agreement:.2f}."
        )
        own = 100 * float(np.median(self.own_share))
        memory = 100 * float(np.exp(-2 * self.frame_interval_s / DECAY_S))
        decay = (
            f"The own past of an assembly explains {own:.0f} % of its variance (median). The decay "
            f"of an indicator such as GCaMP6s ({DECAY_S} s) would by itself explain "
            f"{memory:.0f} %, so that persistence may be the indicator's. It is removed from the "
            "target before sources are compared."
        )
        common = (
            "A signal that reaches two assemblies at different times looks like a direction from "
            "one to the other."
        )
        return found, halves, decay, common


def find_directions(
    model: TemporalModel,
    recording: Recording,
    *,
    decay_s: float | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Directions:
    """Estimate directed couplings between the assemblies of a temporal model.

    Parameters
    ----------
    model : TemporalModel
        Its assemblies and functions of the lag are used; all frames count.
    recording : Recording
    decay_s : float, optional
        Remove an exponential decay with this time constant from the activity of assemblies first:
        what an indicator adds to activity that was not deconvolved.
    report : callable, optional
        Called with sources done and sources in all; may raise to cancel.

    Raises
    ------
    ModelError
        If there are fewer than two assemblies, too few frames, or other neurons.
    """
    model.rbm.require_neurons(recording.spikes)
    return couple(
        model.activity(recording.spikes),
        recording.frame_numbers,
        model.functions,
        model.frame_interval_s,
        decay_s=decay_s,
        report=report,
    )


def couple(
    activity: NDArray[np.floating],
    frame_numbers: NDArray[np.integer],
    functions: NDArray[np.float64],
    frame_interval_s: float,
    *,
    decay_s: float | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Directions:
    """Estimate directed couplings between courses.

    Parameters
    ----------
    activity : (T, M) float
    frame_numbers : (T,) int
        Consecutive within a segment only; no coupling crosses a gap.
    functions : (B, L) float64
        Functions of the lag, see `napari_crbm.temporal.lags.lag_functions`.
    frame_interval_s : float
    decay_s : float, optional
    report : callable, optional
        See `find_directions`.

    Raises
    ------
    ModelError
        If there are fewer than two courses or too few frames.
    """
    n_units, (n_functions, longest) = activity.shape[1], functions.shape
    courses = np.asarray(activity, dtype=np.float64)
    if decay_s is not None:
        courses = without_decay(courses, frame_numbers, np.exp(-frame_interval_s / decay_s))
    spread = courses.std(axis=0)
    courses = (courses - courses.mean(axis=0)) / np.where(spread > 1e-9, spread, 1.0)
    frames = frames_with_past(np.arange(len(courses)), frame_numbers, longest)
    if n_units < 2 or len(frames) < _FEWEST * longest:
        raise ModelError(
            f"Directions need at least 2 assemblies and {_FEWEST * longest} frames with a known "
            f"past of {longest} frames; found {n_units} and {len(frames)}. Choose a shorter "
            "longest lag."
        )
    past = filtered_past(courses.astype(np.float32), functions)[frames].astype(np.float64)
    slow = _slow(len(frames), SLOW * longest)
    rest, own, own_share = _without_own_past(courses[frames], past, slow)
    seen = _without(slow, past.transpose(0, 2, 1).reshape(len(frames), -1))
    precision = _inverse(seen)
    scale = rest.std(axis=0)
    rest /= np.where(scale > 1e-9, scale, 1.0)
    turned = fft.rfft(rest, axis=0)
    n_frames = len(frames)
    far = min(SLOW * longest, n_frames // 2)
    near = np.arange(_NEAREST * longest, far)
    shifts = np.concatenate([near, n_frames - near])
    edges = np.linspace(0, n_frames, _BLOCKS + 1).astype(np.int64)[:-1]
    middle = np.arange(n_frames) < n_frames // 2
    coefficients = np.zeros((n_functions, n_units, n_units))
    squares, p = np.zeros((n_units, n_units)), np.full((n_units, n_units), np.nan)
    blocks = np.zeros((_BLOCKS, n_units, n_units))
    halves = np.zeros((2, n_units, n_units))
    for source in range(n_units):
        if report is not None:
            report(source, n_units)
        white, back = _white(_alone(seen, precision, source, n_functions))
        products = turned[:, :, None] * np.conj(fft.rfft(white, axis=0))[:, None]
        mean = fft.irfft(products, n_frames, axis=0, overwrite_x=True) / n_frames
        moved = (mean[shifts] ** 2).sum(axis=2)
        squares[:, source] = (mean[0] ** 2).sum(axis=1)
        p[:, source] = _beyond(squares[:, source], moved)
        length = np.sqrt(squares[:, [source]])
        along = np.divide(mean[0], length, out=np.zeros_like(mean[0]), where=length > 0)
        own_products = rest * (white @ along.T)
        blocks[:, :, source] = np.add.reduceat(own_products, edges, axis=0)
        coefficients[:, :, source] = scale * (back @ mean[0].T)
        for half, chosen in enumerate((middle, ~middle)):
            part = rest[chosen].T @ white[chosen] / chosen.sum()
            halves[half, :, source] = scale * (back @ part.T).sum(axis=0)
    diagonal = np.arange(n_units)
    squares[diagonal, diagonal], p[diagonal, diagonal] = 0.0, np.nan
    coefficients[:, diagonal, diagonal] = own
    difference_q, stronger = _difference(blocks)
    if report is not None:
        report(n_units, n_units)
    return Directions(
        np.asarray(np.arange(1, longest + 1) * frame_interval_s, dtype=np.float64),
        np.einsum("bl,bmn->lmn", functions, coefficients),
        scale[:, None] * np.sqrt(squares),
        p,
        false_discovery_rate(p),
        difference_q,
        stronger,
        halves,
        own_share,
        frame_interval_s,
        decay_s,
    )


def without_decay(
    courses: NDArray[np.float64], frame_numbers: NDArray[np.integer], kept: float
) -> NDArray[np.float64]:
    """Subtract what an exponential decay keeps of the frame before, (T, M).

    Parameters
    ----------
    courses : (T, M) float64
    frame_numbers : (T,) int
        The first frame of each segment stays as it is.
    kept : float
        Share that is kept from frame to frame.
    """
    out = courses.copy()
    follows = np.flatnonzero(np.diff(frame_numbers) == 1) + 1
    out[follows] -= kept * courses[follows - 1]
    return out


def _slow(n_frames: int, period: float) -> NDArray[np.float64]:
    """Return cosines with at least this period, the constant among them, (T, K)."""
    order = np.arange(int(2 * n_frames / period) + 1)
    return np.asarray(np.cos(np.pi * order * (np.arange(n_frames)[:, None] + 0.5) / n_frames))


def _without(known: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Remove by regression what the columns of ``known`` predict."""
    found = np.linalg.lstsq(known, values, rcond=None)[0]
    return np.asarray(values - known @ found)


def _without_own_past(
    courses: NDArray[np.float64], past: NDArray[np.float64], slow: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Remove slow changes and the own past, linear and quadratic, from each course (T, M).

    Returns
    -------
    rest : (T, M), linear : (B, M) coefficients of the own past, share : (M,) of the variance
        explained beyond slow changes.
    """
    n_units, n_functions = courses.shape[1], past.shape[1]
    rest, share = np.empty_like(courses), np.zeros(n_units)
    linear = np.zeros((n_functions, n_units))
    pairs = np.triu_indices(n_functions)
    for unit in range(n_units):
        own = past[:, :, unit]
        known = np.hstack([slow, own, own[:, pairs[0]] * own[:, pairs[1]]])
        rest[:, unit] = _without(known, courses[:, unit])
        plain = _without(slow, np.column_stack([courses[:, unit], own]))
        variance = float(plain[:, 0].var())
        share[unit] = 1 - rest[:, unit].var() / variance if variance > 1e-9 else 0.0
        linear[:, unit] = np.linalg.lstsq(plain[:, 1:], plain[:, 0], rcond=None)[0]
    return rest, linear, share


def _inverse(seen: NDArray[np.float64]) -> NDArray[np.float64]:
    """Invert the covariance of the past of all sources, with a ridge."""
    covariance = seen.T @ seen / len(seen)
    ridge = _RIDGE * np.trace(covariance) / len(covariance) + 1e-12
    return np.asarray(np.linalg.inv(covariance + ridge * np.eye(len(covariance))))


def _alone(
    seen: NDArray[np.float64], precision: NDArray[np.float64], source: int, n_functions: int
) -> NDArray[np.float64]:
    """Return the past of a source without what that of all others predicts, (T, B)."""
    own = slice(source * n_functions, (source + 1) * n_functions)
    return np.asarray(seen @ precision[:, own] @ np.linalg.inv(precision[own, own]))


def _white(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make columns uncorrelated, of unit variance; return them and the matrix that did it."""
    covariance = values.T @ values / len(values)
    n_columns = len(covariance)
    ridge = _RIDGE_OF_PAIR * np.trace(covariance) / n_columns + 1e-12
    own, vectors = np.linalg.eigh(covariance + ridge * np.eye(n_columns))
    back = vectors / np.sqrt(own) @ vectors.T
    return values @ back, np.asarray(back)


def _beyond(square: NDArray[np.float64], moved: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the tail probability of squares (M,) among those of shifts (S, M): a gamma's."""
    mean, variance = moved.mean(axis=0), moved.var(axis=0)
    usable = (mean > 0) & (variance > 0)
    shape = np.where(usable, mean**2 / np.where(usable, variance, 1.0), 1.0)
    scale = np.where(usable, variance / np.where(usable, mean, 1.0), 1.0)
    return np.asarray(np.where(usable, stats.gamma.sf(square, shape, scale=scale), 1.0))


def _difference(
    blocks: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Test couplings of a pair against each other, from sums over blocks (K, M, M)."""
    change = blocks - blocks.transpose(0, 2, 1)
    total = change.sum(axis=0)
    error = np.sqrt(len(change)) * change.std(axis=0, ddof=1)
    upper = np.triu_indices(len(total), 1)
    ratio = np.abs(total[upper]) / np.maximum(error[upper], 1e-12)
    q = np.full(total.shape, np.nan)
    q[upper] = false_discovery_rate(2 * stats.t.sf(ratio, len(change) - 1))
    q.T[upper] = q[upper]
    return q, total > 0
