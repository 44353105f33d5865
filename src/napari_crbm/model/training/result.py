"""Result of a training: an RBM, and the record of how it was trained."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.rbm import RBM
from napari_crbm.model.training.settings import Settings
from napari_crbm.model.units.protocol import HiddenUnits
from napari_crbm.spikes import Spikes


@dataclass(frozen=True, eq=False)
class Trained:
    """An RBM and the record of its training.

    Parameters
    ----------
    rbm : RBM
        Standardised on the training frames.
    settings : Settings
        Nothing left to "auto".
    history : dict of str to arrays
        Training statistics, one column each.
    split : dict with "train" and "test" frame indices
    recording_fingerprint : str
        Fingerprint of the spikes trained on.
    versions : dict of str to str
        Versions of Python and of libraries that a result may depend on.
    """

    rbm: RBM
    settings: Settings
    history: dict[str, NDArray[np.float64]]
    split: dict[str, NDArray[np.int64]]
    recording_fingerprint: str
    versions: dict[str, str]


def finished_rbm(
    weights: NDArray[np.float32],
    fields: NDArray[np.float32],
    units: HiddenUnits,
    settings: Settings,
    train: Spikes,
) -> RBM:
    """Make the RBM of parameters in training: small weights zeroed, standardised.

    Parameters
    ----------
    weights : (N, M) float32
    fields : (N,) float32
    units : HiddenUnits
    settings : Settings
        Nothing left to "auto".
    train : Spikes
        Training frames.
    """
    if settings.l1:
        # The penalty holds most weights at zero, but the last step leaves some beside it.
        beside = np.abs(weights) < float(settings.final_learning_rate)
        weights = np.where(beside, np.float32(0), weights)
    return RBM.from_parameters(weights, fields, units).standardised(train)


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of libraries that a result may depend on."""
    names = ("napari-crbm", "numpy", "scipy", "numba")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
