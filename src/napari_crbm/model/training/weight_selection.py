"""Which weights take part in a training: rules that give every weight its role.

What counts is the pull of a weight: the gradient that it would have at zero. A weight
that the penalty holds against its pull belongs at zero.

Two rules, because models of different size fail in different ways. With few weights,
weak members matter: whatever once grew stays (`tolerant`). With millions of weights,
those that are there by chance outnumber the members. Together they tie hidden units to
each other, so that chains hardly mix and assemblies no longer switch one by one; there,
the recording has to support every weight, beyond what chance does to any of the neuron's
weights, and go on supporting it; weights that training started with stay on easier terms
(`strict`).
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

# How many weights of a neuron may pass the strict rule by chance, among all hidden units.
_BY_CHANCE = 0.01
# Standard errors by which a pull may fall below what let its weight in before that is put out.
_SLACK = 1.0


class Pull(NamedTuple):
    """Gradients (N, M), and variances (N,) by which they fall when weights grow by one."""

    gradient: Array
    variance: Array

    def of(self, rows: slice, weights: Array) -> Array:
        """Sizes of the pulls of some rows of weights."""
        return np.abs(self.gradient[rows] + self.variance[rows, None] * weights)


def tolerant(
    pull: Pull, l1: np.float32, small: float, rows: slice, weights: Array, roles: Array
) -> NDArray[np.uint8]:
    """Silence small weights that are not pulled off zero; let in those that outgrow the penalty.

    Parameters
    ----------
    pull : Pull
    l1 : float32
        The penalty in force.
    small : float
        Only weights up to this size are silenced. The gradient of a whole assembly is off
        when its unit happens to be on in too few or too many chains; its members must not
        be lost for that.
    rows, weights, roles
        Part of all weights: which rows, and their weights and roles (n, M).

    Returns
    -------
    roles : (n, M) uint8
    """
    share = np.where(roles >= SUPPORTED, SUPPORTED_SHARE, np.float32(1))
    stays = (pull.of(rows, weights) > l1 * share) | (np.abs(weights) > small)
    return np.where(stays, np.where(roles == SILENT, PENALISED, roles), SILENT)


class Limits(NamedTuple):
    """Penalties (N,), scaled to the noise of each neuron, and multiples of them.

    A weight joins when it is pulled by more than ``enter`` of them, and is put out below ``leave``.
    """

    penalty: Array
    enter: np.float32
    leave: np.float32


def limits_of(l1: float, variance: Array, error: float, n_hidden: int) -> Limits:
    """What a pull must exceed, of the strict rule: the penalty, and what chance makes of it.

    The more hidden units, the more weights of a neuron are pulled by chance alone. So what counts
    as chance grows with them (Bonferroni), and one neuron in a hundred has such a weight.

    Parameters
    ----------
    l1 : float
        The penalty.
    variance : (N,) float32
        Of the neurons.
    error : float
        Standard error of the pull of a neuron of average variance.
    n_hidden : int
    """
    penalty = np.float32(l1) * np.sqrt(variance / variance.mean())
    enter = max(1.0, float(norm.isf(_BY_CHANCE / 2 / n_hidden)) * error / l1)
    return Limits(penalty, np.float32(enter), np.float32(enter - _SLACK * error / l1))


def strict(
    pull: Pull, limits: Limits, small: float | None, rows: slice, weights: Array, roles: Array
) -> NDArray[np.uint8]:
    """Support what is pulled further than by chance, silence what is not pulled by much.

    Weights that training started with were found beside all other assemblies already. They stay
    while they are pulled beyond their own share of the penalty. Negative ones among them are
    not pulled, since they keep assemblies apart which frames show to be independent anyway;
    they stay until the penalty has taken them to zero.

    Parameters
    ----------
    pull : Pull
    limits : Limits
    small : float or None
        While hidden units do not yet stand well for their assemblies, supported weights
        above this size stay in any case; None: no exceptions.
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
