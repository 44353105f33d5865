"""Tables of a result: before, given, change; uncertainty of chains and between models apart.

More states make the error of chains as small as one likes. How much the result depends on the
training shows only between models, of other seeds or of halves of the recording.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.analysis.matching.stability import match_units, weight_cosines
from napari_crbm.model.rbm import RBM
from napari_crbm.perturbation.moments import Change
from napari_crbm.perturbation.perturbations import Perturbation

#: Half the width of an interval of 95 %, in standard errors.
REACH = 1.96
#: Least change of the probability of a neuron to be active that counts, and of an assembly in
#: standard deviations.
LEAST_CHANGE, LEAST_ASSEMBLY_CHANGE = 0.005, 0.1


class Matched:
    """Units of another model that correspond to those of a first one.

    Parameters
    ----------
    first, other : RBM
        Of the same neurons.

    Raises
    ------
    ModelError
        If they have other numbers of neurons.
    """

    def __init__(self, first: RBM, other: RBM) -> None:
        cosines = weight_cosines(first.weights, other.weights)
        self.partner, _ = match_units(first.weights, other.weights)
        units = np.arange(len(self.partner))
        self.sign = np.where(
            self.partner >= 0, np.sign(cosines[units, np.maximum(self.partner, 0)]), 0.0
        )

    def question(self, asked: Perturbation) -> Perturbation | None:
        """Return the question that the other model is asked; groups of neurons stay the same.

        None if a held assembly has no partner, so that the other model says nothing of it.
        """
        if asked.kind != "hold":
            return asked
        partner, sign = int(self.partner[asked.assembly]), self.sign[asked.assembly]
        if partner < 0 or sign == 0:
            return None
        state = asked.state
        if sign < 0:
            opposite = {"on": "off", "off": "on"}
            state = opposite[state] if isinstance(state, str) else -state
        return replace(asked, assembly=partner, state=state)

    def assemblies(self, change: Change) -> NDArray[np.float64]:
        """Return the changes of the corresponding assemblies (M,); NaN where there is none."""
        found = (change.given - change.before)[np.maximum(self.partner, 0)] * self.sign
        return np.where(self.partner >= 0, found, np.nan)


def change_table(
    change: Change, others: Sequence[NDArray[np.float64]], least: float
) -> pd.DataFrame:
    """Make the table of one result, one row for each neuron, assembly or region.

    Parameters
    ----------
    change : Change
        Of the first model.
    others : sequence of (C,) float64
        Changes of the other models; NaN where a model has no such assembly.
    least : float
        Changes that are smaller do not count.

    Returns
    -------
    pandas.DataFrame
        ``before``, ``given``, ``change``; ``chain_low``, ``chain_high``: interval of 95 % from
        the chains of the first model; ``models``: models that say something;
        ``model_median``, ``model_low``, ``model_high`` over models and ``model_agree``, the share
        of the models with the sign of the median, all NaN for one model; ``clear``: whether the
        change is at least ``least`` and has one sign in the interval of the chains and in all
        models.
    """
    of_first = change.given - change.before
    low, high = of_first - REACH * change.error, of_first + REACH * change.error
    stacked = np.stack([of_first, *others])
    known = np.isfinite(stacked).sum(axis=0)
    several = known > 1
    sorted_ = np.sort(np.where(np.isfinite(stacked), stacked, np.nan), axis=0)
    median, least_found, most_found, agree = (np.full(len(of_first), np.nan) for _ in range(4))
    if several.any():
        some = sorted_[:, several]
        median[several] = np.nanmedian(some, axis=0)
        least_found[several], most_found[several] = np.nanmin(some, axis=0), np.nanmax(some, axis=0)
        same = np.sign(some) == np.sign(median[several])
        agree[several] = same.sum(axis=0) / known[several]
    one_sign = (low > 0) | (high < 0)
    all_agree = ~several | (agree == 1)
    return pd.DataFrame(
        {
            "before": change.before,
            "given": change.given,
            "change": of_first,
            "chain_low": low,
            "chain_high": high,
            "models": known,
            "model_median": median,
            "model_low": least_found,
            "model_high": most_found,
            "model_agree": agree,
            "clear": one_sign & all_agree & (np.abs(of_first) >= least),
        }
    )
