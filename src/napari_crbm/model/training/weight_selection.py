"""Select the weights that take part in a training.

The pull of a weight is the gradient that it would have at zero, from all training frames: the
covariance of its hidden unit with what its neuron does beyond the model's expectation. A weight
that the penalty has set to zero, and whose pull the penalty exceeds, is zero at the optimum. Taking
it out changes nothing but the noise and the time of the updates.

Chance weights would outnumber the members of assemblies. Together they couple hidden units, so
that chains mix slowly and assemblies no longer switch independently. So a weight joins only if its
pull exceeds chance among all hidden units of its neuron. Small weights that the training starts
with are not judged so: each may be due to chance, but together they carry what all neurons share,
such as a common gain.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from napari_crbm.model.backends.protocol import Array
from napari_crbm.model.compute.kernels.weight_update import ACTIVE, SILENT

# Expected number of weights per neuron that join by chance.
_BY_CHANCE = 0.01


class Limits(NamedTuple):
    """Limits (N,) of the pull.

    Attributes
    ----------
    join
        A silent weight with a larger pull becomes active.
    leave
        An active weight of zero with a smaller pull becomes silent.
    """

    join: Array
    leave: Array


def limits_of(l1: float, variance: Array, error: float, n_hidden: int) -> Limits:
    """Compute the limits from the penalty and from chance, scaled to the noise of each neuron.

    The more hidden units, the more weights of a neuron have a large pull by chance. So the limit
    grows with their number (Bonferroni), and one neuron in a hundred has such a weight.

    Parameters
    ----------
    l1 : float
        The penalty.
    variance : (N,) float32
        Variances of the neurons' activity.
    error : float
        Standard error of the pull for a neuron of average variance.
    n_hidden : int
    """
    scale = np.sqrt(variance / variance.mean())
    chance = -float(ndtri(_BY_CHANCE / 2 / n_hidden)) * error
    return Limits(np.float32(max(l1, chance)) * scale, np.float32(l1) * scale)


def select(
    pull: Array, limits: Limits, rows: slice, weights: Array, roles: Array
) -> NDArray[np.uint8]:
    """Activate weights whose pull exceeds chance; silence those that the penalty keeps at zero.

    Parameters
    ----------
    pull : (N, M) float32
        Gradient of the log-likelihood. It is the pull of the weights that are zero.
    limits : Limits
    rows, weights, roles
        Some rows of all weights, and their weights and roles (n, M).

    Returns
    -------
    roles : (n, M) uint8
    """
    limit = np.where(roles == SILENT, limits.join[rows, None], limits.leave[rows, None])
    takes_part = (np.abs(pull[rows]) > limit) | ((roles == ACTIVE) & (weights != 0))
    return np.where(takes_part, ACTIVE, SILENT)
