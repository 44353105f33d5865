"""Combinations of assemblies: active sets, their sizes and their durations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import kurtosis, skew

from napari_crbm.analysis.assemblies.effective_number import effective_number
from napari_crbm.analysis.states.gaussian_mixture import two_states
from napari_crbm.errors import ModelError
from napari_crbm.model.compute.two_groups import active_threshold

#: Rules for when an assembly is on. "means" is the one used everywhere: exact two-means
#: (`napari_crbm.analysis.active_threshold`), which assumes nothing about the two states and
#: recovers planted states at least as well (see docs/howto/judge.md). "gaussians" fits two
#: Gaussians, as the published analysis does, to compare with published figures.
DEFINITIONS = ("means", "gaussians")

#: Below this share of all assemblies, single assemblies explain a frame (paper, Methods).
FERROMAGNETIC = 0.05
#: Sarle's coefficient of a uniform distribution; larger values indicate two states.
BIMODAL = 5 / 9


@dataclass(frozen=True)
class Composition:
    """Number of active assemblies per frame (paper, "Compositional phase").

    Parameters
    ----------
    counts : (T,) float64
        Effective number m of active assemblies in each frame.
    n_assemblies : int
    noise : float
        Median m of independent Gaussian units of the same means and spreads.
    """

    counts: NDArray[np.float64]
    n_assemblies: int
    noise: float

    @property
    def median(self) -> float:
        """Median of m over frames."""
        return float(np.median(self.counts))

    @property
    def phase(self) -> str:
        """Phase of the model: "ferromagnetic", "compositional" or "spin-glass"."""
        if self.median < FERROMAGNETIC * self.n_assemblies:
            return "ferromagnetic"
        return "compositional" if self.median < self.noise else "spin-glass"

    @property
    def verdict(self) -> str:
        """Summary in one sentence."""
        share = 100 * self.median / self.n_assemblies
        text = (
            f"Half of the frames have more than {self.median:.1f} assemblies active ({share:.0f} %"
        )
        text += f" of {self.n_assemblies}): "
        return (
            text
            + {
                "ferromagnetic": "fewer than in a compositional model; single assemblies dominate.",
                "compositional": "a compositional model, a few assemblies at a time.",
                "spin-glass": "as many as if the activity of assemblies were noise.",
            }[self.phase]
        )


def on_threshold(activity: NDArray[np.floating], definition: str = "means") -> NDArray[np.float64]:
    """Return the activity above which each assembly is on, (M,), midway between its two levels.

    Raises
    ------
    ModelError
        If the definition is none of `DEFINITIONS`.
    """
    if definition not in DEFINITIONS:
        raise ModelError(f"No definition '{definition}'; there are {', '.join(DEFINITIONS)}.")
    if definition == "means":
        return active_threshold(activity)
    found = two_states(activity)
    return np.where(np.isnan(found.gain), np.inf, found.transition)


def levels(
    activity: NDArray[np.floating], definition: str = "means"
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the level of each assembly while it is off and while it is on, (M,) each.

    These are the means of the frames on either side of `on_threshold`, or the means of the
    two Gaussians. Both levels of a constant assembly are its mean.
    """
    if definition == "gaussians":
        low, high = two_states(activity).mean
        return low, high
    h = np.asarray(activity, dtype=np.float64)
    on = h > on_threshold(h, definition)
    n_on = on.sum(axis=0)
    mean = h.mean(axis=0)
    high = np.where(on, h, 0).sum(axis=0) / np.maximum(n_on, 1)
    low = np.where(on, 0, h).sum(axis=0) / np.maximum(len(h) - n_on, 1)
    return np.where(n_on > 0, low, mean), np.where(n_on > 0, high, mean)


def composition(
    activity: NDArray[np.floating], random_state: int = 0, definition: str = "means"
) -> Composition:
    r"""Compute the effective number of active assemblies in each frame.

    With x the activity above its inactive level, :math:`m = (\sum x^2)^2 / \sum x^4`
    (participation ratio times M): 1 if one assembly is active, M if all are alike.

    Parameters
    ----------
    activity : (T, M) float array
        E[h | v].
    random_state : int
        Seed of the Gaussian units used for comparison.
    definition : {"means", "gaussians"}
        Rule for the inactive levels, see `levels`.

    Raises
    ------
    ModelError
        If there are fewer than two frames or assemblies.
    """
    h = np.asarray(activity, dtype=np.float64)
    if h.ndim != 2 or min(h.shape) < 2:
        raise ModelError(f"Two frames and two assemblies are needed; found {h.shape}.")
    low = levels(h, definition)[0]
    noise = np.random.default_rng(random_state).normal(h.mean(axis=0), h.std(axis=0), h.shape)
    return Composition(
        counts=effective_number(h - low),
        n_assemblies=h.shape[1],
        noise=float(np.median(effective_number(noise - levels(noise, definition)[0]))),
    )


def state_table(
    activity: NDArray[np.floating],
    frame_interval_s: float,
    definition: str = "means",
    segments: Sequence[tuple[int, int]] | None = None,
) -> pd.DataFrame:
    """Tabulate the on and off states of each assembly.

    Parameters
    ----------
    activity : (T, M) float array
        E[h | v] of consecutive frames.
    frame_interval_s : float
        Seconds from frame to frame.
    definition : {"means", "gaussians"}
        Rule for the two states, see `on_threshold`.
    segments : sequence of (first frame, frame after the last), optional
        Continuous stretches; no interval crosses their borders. One by default.

    Returns
    -------
    pandas.DataFrame
        Index ``assembly``, columns ``off_level, on_level, fraction_on``; ``bimodality``,
        Sarle's coefficient (above 5/9 indicates two states); ``bimodal``; ``on_s, off_s``,
        median durations of complete intervals; ``period_s``, median time from one onset to
        the next. NaN where there is no complete interval.
    """
    h = np.asarray(activity, dtype=np.float64)
    low, high = levels(h, definition)
    on = h > on_threshold(h, definition)
    spread = h.std(axis=0) > 0
    safe = np.where(spread, h, np.random.default_rng(0).random(h.shape))
    sarle = (skew(safe, axis=0) ** 2 + 1) / kurtosis(safe, axis=0, fisher=False)
    rows = []
    for unit in range(h.shape[1]):
        found = [_intervals(on[start:stop, unit]) for start, stop in segments or [(0, len(h))]]
        pooled = (np.concatenate(parts) for parts in zip(*found, strict=True))
        rows.append([_median(lengths) * frame_interval_s for lengths in pooled])
    durations = np.array(rows)
    coefficient = np.where(spread, sarle, np.nan)
    table = pd.DataFrame(
        {
            "off_level": low,
            "on_level": high,
            "fraction_on": on.mean(axis=0),
            "bimodality": coefficient,
            "bimodal": coefficient > BIMODAL,
            "on_s": durations[:, 0],
            "off_s": durations[:, 1],
            "period_s": durations[:, 2],
        }
    )
    table.index.name = "assembly"
    return table


def _intervals(
    on: NDArray[np.bool_],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the lengths in frames of complete on and off intervals, and from onset to onset."""
    changes = np.flatnonzero(np.diff(on.astype(np.int8)))
    lengths = np.diff(changes)
    # The interval after the first change is on if that change was an onset.
    first_is_on = len(changes) > 0 and on[changes[0] + 1]
    ons, offs = lengths[0 if first_is_on else 1 :: 2], lengths[1 if first_is_on else 0 :: 2]
    onsets = changes[0 if first_is_on else 1 :: 2]
    return ons, offs, np.diff(onsets)


def _median(values: NDArray[np.int64]) -> float:
    return float(np.median(values)) if len(values) else float("nan")


def combinations(
    on: NDArray[np.bool_],
    times: NDArray[np.floating],
    segments: Sequence[tuple[int, int]] | None = None,
) -> pd.DataFrame:
    """List the sets of assemblies that are on together, the most frequent first.

    Parameters
    ----------
    on : (T, M) bool
        Whether an assembly is on, see `on_threshold`.
    times : (T,) float array
        Times of the frames, in seconds.
    segments : sequence of (first frame, frame after the last), optional
        Continuous stretches; an episode ends with its segment. One by default.

    Returns
    -------
    pandas.DataFrame
        Columns ``assemblies`` (their numbers, separated by spaces; empty if none is
        on), ``n_assemblies, n_frames, fraction``, ``n_episodes`` (number of onsets),
        ``first_s, last_s``.
    """
    packed = np.packbits(on, axis=1)
    _, first, inverse, counts = np.unique(
        packed, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    kind = inverse.ravel()
    last = np.zeros(len(counts), dtype=np.int64)
    last[kind] = np.arange(len(on))
    begins = np.concatenate([[True], kind[1:] != kind[:-1]])
    begins[[start for start, _ in segments or ()]] = True
    episodes = np.bincount(kind[begins], minlength=len(counts))
    order = np.lexsort((first, -counts))
    sets = [np.flatnonzero(on[first[k]]) for k in order]
    return pd.DataFrame(
        {
            "assemblies": [" ".join(map(str, members)) for members in sets],
            "n_assemblies": [len(members) for members in sets],
            "n_frames": counts[order],
            "fraction": counts[order] / len(on),
            "n_episodes": episodes[order],
            "first_s": np.asarray(times)[first[order]],
            "last_s": np.asarray(times)[last[order]],
        }
    )


def occurrences(on: NDArray[np.bool_], sets: Sequence[str]) -> NDArray[np.bool_]:
    """Mark the frames in which exactly the assemblies of each combination are on, (T, K).

    Parameters
    ----------
    on : (T, M) bool
    sets : sequence of str
        As in the column ``assemblies`` of `combinations`.
    """
    wanted = np.zeros((len(sets), on.shape[1]), dtype=bool)
    for row, members in enumerate(sets):
        wanted[row, [int(number) for number in members.split()]] = True
    packed, looked_for = np.packbits(on, axis=1), np.packbits(wanted, axis=1)
    found = np.column_stack([(packed == one).all(axis=1) for one in looked_for] or [on[:, :0]])
    return np.asarray(found, dtype=bool)


def coactivation(on: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Compute log2 of the ratio of observed to expected joint activity of two assemblies, (M, M).

    0 is chance, 1 twice as often as chance, -inf never together; NaN for an assembly that is
    never on.
    """
    states = np.asarray(on, dtype=np.float64)
    together, alone = states.T @ states / len(states), states.mean(axis=0)
    expected = np.outer(alone, alone)
    ratio = np.divide(together, expected, out=np.full_like(together, np.nan), where=expected > 0)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log2(ratio))
