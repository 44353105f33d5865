r"""The bias of <vh> in a model that the L1 penalty on its weights causes.

Training maximises the log-likelihood minus the penalty, among models whose hidden units have
unit variance S over the training frames. At the optimum, with a Lagrange multiplier
:math:`c_\mu` for each variance,

.. math::
    \langle v_i h_\mu \rangle_{data} - \langle v_i h_\mu \rangle_{model}
    = \lambda\, \mathrm{sign}(w_{i\mu})
      - c_\mu \frac{\partial S_\mu}{\partial w_{i\mu}} .

The likelihood does not change if h is scaled and its weights inversely, while S changes by the
square: this gives :math:`c_\mu = -\frac{\lambda}{2} \sum_i |w_{i\mu}|`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.spikes import Spikes

if TYPE_CHECKING:
    from napari_crbm.model import CRBM


def penalty_shift(model: CRBM, train: Spikes) -> NDArray[np.float32]:
    """Compute the difference of <vh> between data and model that the L1 penalty causes.

    Adding it to <vh> of the model removes the bias.

    Parameters
    ----------
    model : CRBM
        Imported models, whose settings are not known, get no correction.
    train : Spikes
        Frames the model was trained on.

    Returns
    -------
    (N, M) float32
        Zero where the weight is zero.
    """
    weights, settings = model.weights_, model.settings_
    if settings is None or not settings.l1:
        return np.zeros_like(weights)
    paid = np.float32(settings.l1) * np.sign(weights)
    multiplier = 0.5 * (paid * weights).sum(axis=0, dtype=np.float64)
    shift = paid + multiplier * variance_slopes(model, train)
    return np.asarray(np.where(weights != 0, shift, 0), dtype=np.float32)


def variance_slopes(model: CRBM, spikes: Spikes) -> NDArray[np.float64]:
    """Compute the gradient of Var(h) over the frames with respect to the weights, (N, M)."""
    inputs = model.inputs_h_from_v(spikes)
    with kernel_threads(model.n_threads):
        moments = model.hidden_.moments(inputs)
    mean, square = np.asarray(moments.mean), np.asarray(moments.square)
    by_input = moments.cube - square * mean - 2 * mean.mean(axis=0) * (square - mean**2)
    indptr, indices = spikes.by_frame
    raster = sparse.csr_array(
        (np.ones(len(indices)), indices, indptr), shape=(spikes.n_frames, spikes.n_neurons)
    )
    return np.asarray(raster.T @ by_input) / spikes.n_frames
