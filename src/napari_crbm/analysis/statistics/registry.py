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
        Name in words.
    each : str
        What one compared value belongs to, such as "neuron".
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
    each: str
    phrase: str
    definition: str
    values: Callable[[Side], NDArray[np.floating]]
    from_moments: bool = True
    judged: bool = True
    all_pairs: bool = False

    @property
    def heading(self) -> str:
        """The title, with the symbol if it is not in the title."""
        return self.title if self.label in self.title.lower() else f"{self.title}, {self.label}"


def _mean_vh(side: Side) -> NDArray[np.floating]:
    return (side.moments.mean_vh + side.shift)[side.connected]


#: All statistics by name: first those of the paper's figure 2 in its order.
STATISTICS: dict[str, Statistic] = {
    each.name: each
    for each in (
        Statistic(
            "mean_v",
            "⟨v⟩",
            "Activity of neurons",
            "neuron",
            "mean activities of neurons",
            "Mean activity ⟨v⟩ of every neuron. Fitted by training.",
            lambda side: side.moments.mean_v,
        ),
        Statistic(
            "mean_h",
            "⟨h⟩",
            "Activity of assemblies",
            "assembly",
            "mean activities of assemblies",
            "Mean activity ⟨h⟩, the mean of E[h | v], of every assembly. Fitted by training.",
            lambda side: side.moments.mean_h,
        ),
        Statistic(
            "mean_vh",
            "⟨vh⟩",
            "Neuron with assembly",
            "neuron and assembly with a weight between them",
            "neuron-assembly moments",
            "Mean product ⟨vh⟩ of the activity of a neuron and of an assembly, for every weight "
            "that is not zero. Fitted by training.",
            _mean_vh,
        ),
        Statistic(
            "cov_vv",
            "cov(v, v)",
            "Pairs of neurons",
            "pair of neurons",
            "covariances of neurons",
            "Covariance cov(v, v) of every pair of neurons. Not fitted: a prediction.",
            lambda side: side.moments.cov_vv,
            all_pairs=True,
        ),
        Statistic(
            "cov_hh",
            "cov(h, h)",
            "Pairs of assemblies",
            "pair of assemblies",
            "covariances of assemblies",
            "Covariance cov(h, h) of every pair of assemblies. Not fitted: a prediction.",
            lambda side: side.moments.cov_hh,
        ),
        Statistic(
            "triplets",
            "triplets",
            "Triplets of neurons",
            "triplet of neurons",
            "third moments of triplets of neurons",
            "Third central moment of random triplets of neurons, half of them from one assembly. "
            "Not fitted: a prediction.",
            lambda side: side.triplet_moments,
            from_moments=False,
            judged=False,
        ),
    )
}
