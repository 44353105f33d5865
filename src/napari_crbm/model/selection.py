"""Which weights take part in a training: rules that give every weight its role.

What counts is the pull of a weight: the gradient that it would have at zero. A weight
that the penalty holds against its pull belongs at zero.

Two rules, because models of different size fail in different ways. With few weights,
weak members matter: whatever once grew stays (`tolerant`). With millions of weights,
those that are there by chance outnumber the members. Together they tie hidden units to
each other, so that chains hardly mix and assemblies no longer switch one by one; there,
the recording has to support every weight, and go on supporting it; weights that training
started with stay on easier terms (`strict`).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.cores.protocol import Array
from napari_crbm.model.kernels.ascent import (
    PENALISED,
    SILENT,
    STARTING,
    SUPPORTED,
    SUPPORTED_SHARE,
)

#: Up to so many weights, neurons times hidden units, the tolerant rule applies.
FEW = 400_000
# The strict rule puts a weight out when its pull falls below this share of the penalty.
_LEAVE = np.float32(2 / 3)


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


def strict(
    pull: Pull, limits: Array, small: float | None, rows: slice, weights: Array, roles: Array
) -> NDArray[np.uint8]:
    """Support what is pulled beyond the penalty, silence what is not pulled by much.

    Weights that training started with were found beside all other assemblies already. They stay
    while they are pulled beyond their own share of the penalty. Negative ones among them are
    not pulled, since they keep assemblies apart which frames show to be independent anyway;
    they stay until the penalty has taken them to zero.

    Parameters
    ----------
    pull : Pull
    limits : (N,) float32
        The penalty, scaled to the noise of each neuron.
    small : float or None
        While hidden units do not yet stand well for their assemblies, supported weights
        above this size stay in any case; None: no exceptions.
    rows, weights, roles
        As for `tolerant`.

    Returns
    -------
    roles : (n, M) uint8
    """
    ratio = pull.of(rows, weights) / np.maximum(limits[rows, None], np.float32(1e-12))
    between = np.where(roles == SILENT, SILENT, PENALISED)
    new = np.where(ratio > 1, SUPPORTED, np.where(ratio < _LEAVE, SILENT, between))
    stays = (roles == STARTING) & ((ratio > SUPPORTED_SHARE) | (weights < 0))
    if small is not None:
        kept = (ratio > SUPPORTED_SHARE) | (np.abs(weights) > small)
        stays |= (roles >= SUPPORTED) & kept
    return np.where(stays, roles, new)
