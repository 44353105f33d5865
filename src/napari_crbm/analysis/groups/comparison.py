"""Compare two groups of neurons: activity, regions, assemblies."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.stats import false_discovery_control, fisher_exact

from napari_crbm.analysis.assemblies.membership import members_of
from napari_crbm.analysis.groups.course import checked_group, group_course
from napari_crbm.model import CRBM
from napari_crbm.recording import Recording

#: Largest false discovery rate of a difference that is called one.
DIFFERENT_Q = 0.05


@dataclass(frozen=True, eq=False)
class GroupComparison:
    """What two groups of neurons, A and B, have in common and what not.

    Parameters
    ----------
    n_a, n_b, n_both : int
        Neurons in each group, and in both.
    activity_a, activity_b : float
        Mean percentage of frames in which a neuron is active.
    correlation : float
        Correlation of the percentages of active neurons over time; NaN if one is constant.
    regions, assemblies : pandas.DataFrame
        One row each for those with a neuron in either group: ``name, n_a, n_b, share_a,
        share_b, odds_ratio, p, q``, most different first. Fisher's exact test compares the
        neurons inside and outside, false discovery rates are those of Benjamini and Hochberg.
        Neurons in both groups are left out of the test. Without regions or model, empty.
    """

    n_a: int
    n_b: int
    n_both: int
    activity_a: float
    activity_b: float
    correlation: float
    regions: pd.DataFrame = field(repr=False)
    assemblies: pd.DataFrame = field(repr=False)

    def __str__(self) -> str:
        together = (
            ""
            if np.isnan(self.correlation)
            else f" Their activity over time correlates with r = {self.correlation:.2f}."
        )
        shared = f", {self.n_both:,} in both" if self.n_both else ", none in both"
        return (
            f"A has {self.n_a:,} neurons, B {self.n_b:,}{shared}. A neuron of A is active in "
            f"{self.activity_a:.1f} % of frames, of B in {self.activity_b:.1f} %.{together} "
            f"{_different(self.regions, 'region')} {_different(self.assemblies, 'assembly')}"
        ).strip()


def _different(table: pd.DataFrame, what: str) -> str:
    """Say how many rows differ; nothing without rows."""
    if not len(table):
        return ""
    n = int((table["q"] < DIFFERENT_Q).sum())
    several = "assemblies" if what == "assembly" else f"{what}s"
    if not n:
        return f"No {what} holds a different share of A and B beyond chance."
    holds = f"{n} {what if n == 1 else several} hold{'s' if n == 1 else ''}"
    return f"{holds} a different share of A and B (q < {DIFFERENT_Q:g})."


def compare_groups(
    recording: Recording, a: ArrayLike, b: ArrayLike, model: CRBM | None = None
) -> GroupComparison:
    """Compare two groups of neurons of a recording.

    Parameters
    ----------
    recording : Recording
    a, b : (K,) int
        Neurons of the groups.
    model : CRBM, optional
        Its assemblies are compared too.

    Raises
    ------
    LabelError
        If a group is empty or holds a number that is no neuron.

    Examples
    --------
    >>> from napari_crbm.analysis import compare_groups
    >>> found = compare_groups(recording, range(10), range(10, 40))
    >>> found.n_a, found.n_b, found.n_both
    (10, 30, 0)
    """
    first, second = checked_group(recording, a), checked_group(recording, b)
    courses = [group_course(recording, each) for each in (first, second)]
    varies = all(np.ptp(course) > 0 for course in courses)
    regions, assemblies = _nothing(), _nothing()
    if recording.regions is not None:
        names = list(recording.regions.names)
        regions = _compared(recording.regions.membership, names, first, second)
    if model is not None:
        inside = sparse.csr_array(members_of(model).inside)
        assemblies = _compared(inside, list(range(model.n_assemblies)), first, second)
    mean = recording.spikes.mean_activity
    return GroupComparison(
        len(first),
        len(second),
        len(np.intersect1d(first, second)),
        float(100 * mean[first].mean()),
        float(100 * mean[second].mean()),
        float(np.corrcoef(courses[0], courses[1])[0, 1]) if varies else float("nan"),
        regions,
        assemblies,
    )


_COLUMNS = ("name", "n_a", "n_b", "share_a", "share_b", "odds_ratio", "p", "q")


def _nothing() -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in _COLUMNS})


def _compared(
    membership: sparse.sparray,
    names: list[str] | list[int],
    a: NDArray[np.int64],
    b: NDArray[np.int64],
) -> pd.DataFrame:
    """Compare the share of two groups in each column of a membership (N, R)."""
    inside = sparse.csr_array(membership).astype(bool)
    only_a, only_b = np.setdiff1d(a, b), np.setdiff1d(b, a)
    counts = [np.asarray(inside[each].sum(axis=0)).ravel() for each in (a, b, only_a, only_b)]
    there = np.flatnonzero(counts[0] + counts[1])
    if not len(there):
        return _nothing()
    found = []
    for column in there:
        in_a, in_b = int(counts[2][column]), int(counts[3][column])
        table = [[in_a, len(only_a) - in_a], [in_b, len(only_b) - in_b]]
        possible = len(only_a) and len(only_b)
        found.append(fisher_exact(table) if possible else (np.nan, 1.0))
    ratio, p = (np.array(each, dtype=np.float64) for each in zip(*found, strict=True))
    compared = pd.DataFrame(
        {
            "name": [names[column] for column in there],
            "n_a": counts[0][there],
            "n_b": counts[1][there],
            "share_a": counts[0][there] / len(a),
            "share_b": counts[1][there] / len(b),
            "odds_ratio": ratio,
            "p": p,
            "q": false_discovery_control(p),
        }
    )
    return compared.sort_values("p", kind="stable", ignore_index=True)
