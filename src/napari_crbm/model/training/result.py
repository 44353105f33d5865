"""Result of a training: an RBM, and the record of how it was trained."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.compute.kernels.weight_update import penalty_shares
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.weights import efficient
from napari_crbm.model.rbm import RBM
from napari_crbm.model.training.settings import Settings
from napari_crbm.model.units.protocol import HiddenUnits
from napari_crbm.spikes import Spikes

# Frames whose hidden inputs are kept with a model, for jumps.
_EXAMPLES = 400


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
    penalty_share : (N, M) or (1, 1) float16
        Share of the penalty that each weight pays; see `compact_shares`.
    """

    rbm: RBM
    settings: Settings
    history: dict[str, NDArray[np.float64]]
    split: dict[str, NDArray[np.int64]]
    recording_fingerprint: str
    versions: dict[str, str]
    penalty_share: NDArray[np.float16]


def finished_rbm(
    weights: NDArray[np.float32],
    fields: NDArray[np.float32],
    units: HiddenUnits,
    settings: Settings,
    train: Spikes,
) -> RBM:
    """Make the RBM of parameters in training: small weights zeroed, standardised, with examples.

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
    examples = _examples(weights, train, settings) if settings.jumps else None
    return RBM.from_parameters(weights, fields, units, examples).standardised(train)


def compact_shares(weights: NDArray[np.floating], roles: NDArray[np.uint8]) -> NDArray[np.float16]:
    """Return the share of the penalty that each weight pays, in the least space.

    Shares are 1 and `SUPPORTED_SHARE`, which float16 holds exactly.

    Returns
    -------
    (N, M) float16
        1 where the weight is zero. (1, 1) if all other weights pay the same share.
    """
    used = weights != 0
    shares = np.where(used, penalty_shares(roles), np.float32(1)).astype(np.float16)
    first = shares[used][:1]
    if (shares[used] == first).all():
        return np.full((1, 1), first[0] if len(first) else 1, dtype=np.float16)
    return shares


def _examples(
    weights: NDArray[np.float32], train: Spikes, settings: Settings
) -> NDArray[np.float32]:
    """Compute the hidden inputs of frames spread over the training frames."""
    frames = np.linspace(0, train.n_frames - 1, min(_EXAMPLES, train.n_frames))
    inputs = np.empty((len(frames), weights.shape[1]), dtype=np.float32)
    with kernel_threads(settings.n_threads):
        efficient(weights).project_frames(train, frames.astype(np.int64), inputs)
    return inputs


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of libraries that a result may depend on."""
    names = ("napari-crbm", "numpy", "scipy", "numba")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}
