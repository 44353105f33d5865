"""Statistics on which a model is compared with held-out frames: one declaration each.

To add a statistic, add a `Statistic` to `STATISTICS`. The evaluation, its standard errors, the
tables, the figures, the command line and the *Statistics* dock all read it from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.statistics.higher_order import triplet_moments
from napari_crbm.analysis.statistics.moments import Moments
from napari_crbm.spikes import Spikes


@dataclass(frozen=True, eq=False)
class Side:
    """Activity of one side of a comparison: model samples, training frames or held-out frames.

    Parameters
    ----------
    moments : Moments
        First and second moments of neurons and hidden units.
    connected : (N, M) bool
        Pairs of a neuron and a hidden unit with a weight; only these are compared.
    shift : (N, M) float array
        Added to <vh>: the effect of the penalty on a model, zero for recorded frames.
    spikes : Spikes, optional
        The frames themselves; None where only resampled moments are known.
    triplets : (K, 3) int64, optional
        Triplets of neurons whose third moments are compared.
    """

    moments: Moments
    connected: NDArray[np.bool_]
    shift: NDArray[np.floating]
    spikes: Spikes | None = None
    triplets: NDArray[np.int64] | None = None

    @cached_property
    def triplet_moments(self) -> NDArray[np.float64]:
        """Third central moments of the triplets, (K,)."""
        assert self.spikes is not None and self.triplets is not None
        return triplet_moments(self.spikes, self.triplets)


@dataclass(frozen=True)
class Statistic:
    """One statistic of data and model.

    Parameters
    ----------
    name : str
        Index in the evaluation's table.
    label : str
        Symbol, above the panels of figures.
    title : str
        Name and symbol, used where there is enough space.
    phrase : str
        Name in a sentence, in the plural.
    definition : str
        One sentence that defines the statistic and states whether training fits it.
    values : callable
        Values of one `Side`, a flat array; entry k of model and data are compared.
    from_moments : bool
        Whether ``moments``, ``connected`` and ``shift`` suffice to compute it. Only then does it
        get a standard error, by resampling blocks of time.
    judged : bool
        Whether the verdict depends on it.
    all_pairs : bool
        Whether the nRMSE is that of all pairs of neurons (`compare_pairs`), while ``values`` are
        a sample of them in large recordings.
    """

    name: str
    label: str
    title: str
    phrase: str
    definition: str
    values: Callable[[Side], NDArray[np.floating]]
    from_moments: bool = True
    judged: bool = True
    all_pairs: bool = False


def _mean_vh(side: Side) -> NDArray[np.floating]:
    return (side.moments.mean_vh + side.shift)[side.connected]


#: All statistics by name: first those of the paper's figure 2 in its order.
STATISTICS: dict[str, Statistic] = {
    each.name: each
    for each in (
        Statistic(
            "mean_v",
            "⟨v⟩",
            "Means ⟨v⟩",
            "mean activities of neurons",
            "Mean activity of every neuron. Fitted by training.",
            lambda side: side.moments.mean_v,
        ),
        Statistic(
            "mean_h",
            "⟨h⟩",
            "Means ⟨h⟩",
            "mean activities of assemblies",
            "Mean activity E[h | v] of every assembly. Fitted by training.",
            lambda side: side.moments.mean_h,
        ),
        Statistic(
            "mean_vh",
            "⟨vh⟩",
            "Coactivity ⟨vh⟩",
            "neuron-assembly moments",
            "Mean product of the activity of a neuron and of an assembly, for every weight that "
            "is not zero. Fitted by training.",
            _mean_vh,
        ),
        Statistic(
            "cov_vv",
            "cov(v, v)",
            "Covariances cov(v, v)",
            "covariances of neurons",
            "Covariance of every pair of neurons. Not fitted: a prediction.",
            lambda side: side.moments.cov_vv,
            all_pairs=True,
        ),
        Statistic(
            "cov_hh",
            "cov(h, h)",
            "Covariances cov(h, h)",
            "covariances of assemblies",
            "Covariance of every pair of assemblies. Not fitted: a prediction.",
            lambda side: side.moments.cov_hh,
        ),
        Statistic(
            "triplets",
            "triplets",
            "Third moments",
            "third moments of triplets of neurons",
            "Third central moment of random triplets of neurons, half of them from one assembly. "
            "Not fitted: a prediction.",
            lambda side: side.triplet_moments,
            from_moments=False,
            judged=False,
        ),
    )
}
