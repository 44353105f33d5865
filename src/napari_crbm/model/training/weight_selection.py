"""Select the weights that take part in a training: rules that give every weight its role.

The rules look at the pull of a weight, the gradient that it would have at zero. If the penalty
exceeds the pull, the weight is zero at the optimum.

There are two rules, since models of different size fail in different ways. With few weights, weak
members matter, and weights that have once grown stay (`tolerant`). With millions of weights,
chance weights outnumber the members. Together they couple hidden units, so that chains hardly mix
and assemblies no longer switch independently. There the recording has to support every weight
beyond chance, throughout the training; weights that the training started with stay under weaker
conditions (`strict`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from napari_crbm.model.backends.protocol import Array
from napari_crbm.model.compute.kernels.weight_update import (
    PENALISED,
    SILENT,
    STARTING,
    SUPPORTED,
    SUPPORTED_SHARE,
)

# Expected number of weights per neuron that pass the strict rule by chance.
_BY_CHANCE = 0.01
# Standard errors by which a pull may fall below the limit of entry before its weight is silenced.
_SLACK = 1.0


class Pull(NamedTuple):
    """Gradients (N, M), and the variances (N,) by which they fall per unit of weight."""

    gradient: Array
    variance: Array

    def of(self, rows: slice, weights: Array) -> Array:
        """Compute the absolute pulls of some rows of weights."""
        return np.abs(self.gradient[rows] + self.variance[rows, None] * weights)


def tolerant(
    pull: Pull, l1: np.float32, small: float, rows: slice, weights: Array, roles: Array
) -> NDArray[np.uint8]:
    """Silence small weights whose pull is below the penalty; let in those whose pull exceeds it.

    Parameters
    ----------
    pull : Pull
    l1 : float32
        The penalty in force.
    small : float
        Only weights up to this size are silenced. If a unit happens to be on in too few or too
        many chains, the gradients of its whole assembly are wrong, and members must not be lost
        for that.
    rows, weights, roles
        Some rows of all weights, and their weights and roles (n, M).

    Returns
    -------
    roles : (n, M) uint8
    """
    share = np.where(roles >= SUPPORTED, SUPPORTED_SHARE, np.float32(1))
    stays = (pull.of(rows, weights) > l1 * share) | (np.abs(weights) > small)
    return np.where(stays, np.where(roles == SILENT, PENALISED, roles), SILENT)


class Limits(NamedTuple):
    """Penalties (N,), scaled to the noise of each neuron, and limits in multiples of them.

    A weight joins if its pull exceeds ``enter`` penalties, and is silenced below ``leave``.
    """

    penalty: Array
    enter: np.float32
    leave: np.float32


def limits_of(l1: float, variance: Array, error: float, n_hidden: int) -> Limits:
    """Compute the limits of the strict rule from the penalty and from chance.

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
    penalty = np.float32(l1) * np.sqrt(variance / variance.mean())
    enter = max(1.0, float(norm.isf(_BY_CHANCE / 2 / n_hidden)) * error / l1)
    return Limits(penalty, np.float32(enter), np.float32(enter - _SLACK * error / l1))


def strict(
    pull: Pull, limits: Limits, small: float | None, rows: slice, weights: Array, roles: Array
) -> NDArray[np.uint8]:
    """Support weights whose pull exceeds chance, and silence those with a small pull.

    Weights that the training started with were found with all other assemblies taken into account.
    They stay while their pull exceeds their own share of the penalty. Negative ones among them have
    no pull, since they separate assemblies that are independent in the recording; they stay until
    the penalty has reduced them to zero.

    Parameters
    ----------
    pull : Pull
    limits : Limits
    small : float or None
        Supported weights above this size stay in any case, as long as hidden units do not yet
        represent their assemblies well. None makes no exception.
    rows, weights, roles
        As for `tolerant`.

    Returns
    -------
    roles : (n, M) uint8
    """
    ratio = pull.of(rows, weights) / np.maximum(limits.penalty[rows, None], np.float32(1e-12))
    between = np.where(roles == SILENT, SILENT, PENALISED)
    new = np.where(ratio > limits.enter, SUPPORTED, np.where(ratio < limits.leave, SILENT, between))
    stays = (roles == STARTING) & ((ratio > SUPPORTED_SHARE) | (weights < 0))
    if small is not None:
        kept = (ratio > SUPPORTED_SHARE) | (np.abs(weights) > small)
        stays |= (roles >= SUPPORTED) & kept
    return np.where(stays, roles, new)
