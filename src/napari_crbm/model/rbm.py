r"""The restricted Boltzmann machine: its parameters and what follows from them alone.

Neurons :math:`v_i \in \{0, 1\}` and hidden units :math:`h_\mu \in \mathbb{R}` have the joint
energy (paper Eq. 7)

.. math:: E(v, h) = -\sum_i g_i v_i + \sum_\mu U_\mu(h_\mu) - \sum_{i\mu} w_{i\mu} v_i h_\mu

Given the neurons, hidden units are independent and depend on their inputs
:math:`I_\mu = \sum_i w_{i\mu} v_i`; given the hidden units, neurons are independent.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.weights import efficient
from napari_crbm.model.units.protocol import HiddenUnits, mapped
from napari_crbm.spikes import Spikes

_FRAMES_AT_ONCE = 512


@dataclass(frozen=True, eq=False)
class RBM:
    """Parameters of a restricted Boltzmann machine, its conditionals and energies.

    An RBM does not change and knows neither training nor sampling. `napari_crbm.model.CRBM` is
    the estimator that trains one, `napari_crbm.model.Chains` samples from one.

    Parameters
    ----------
    weights : (N, M) float32
        Signed weight of neuron i in assembly mu. C-ordered.
    fields : (N,) float32
        Fields g of the neurons.
    hidden : HiddenUnits
        Parameters of the M hidden units.
    n_threads : int, optional
        Threads that methods compute with; all cores by default. Results do not depend on it.

    Raises
    ------
    ModelError
        If shapes disagree, a value is not finite or the hidden units have no distribution.
    """

    weights: NDArray[np.float32]
    fields: NDArray[np.float32]
    hidden: HiddenUnits
    n_threads: int | None = None

    def __post_init__(self) -> None:
        _check_parameters(self.weights, self.fields, self.hidden)

    @classmethod
    def from_parameters(
        cls,
        weights: NDArray[np.floating],
        fields: NDArray[np.floating],
        hidden: HiddenUnits,
        n_threads: int | None = None,
    ) -> RBM:
        """Make an RBM from copies of arrays of any float type and memory order."""
        hidden = mapped(hidden, lambda row: np.array(row, dtype=np.float64))
        return cls(
            np.array(weights, dtype=np.float32, order="C"),
            np.array(fields, dtype=np.float32),
            hidden,
            n_threads,
        )

    @property
    def rbm_(self) -> RBM:
        """The RBM itself: functions that take an `RBM` also take a fitted estimator."""
        return self

    @property
    def n_neurons(self) -> int:
        """Number of neurons N."""
        return int(self.weights.shape[0])

    @property
    def n_hidden(self) -> int:
        """Number of hidden units M."""
        return int(self.weights.shape[1])

    # --- conditionals -------------------------------------------------------------------

    def inputs_h_from_v(self, spikes: Spikes) -> NDArray[np.float32]:
        """Compute the hidden inputs ``I = W^T v`` of every frame, (T, M) float32."""
        self.require_neurons(spikes)
        inputs = np.empty((spikes.n_frames, self.n_hidden), dtype=np.float32)
        frames = np.arange(spikes.n_frames)
        with kernel_threads(self.n_threads):
            efficient(self.weights).project_frames(spikes, frames, inputs)
        return inputs

    def mean_h_from_v(self, spikes: Spikes) -> NDArray[np.float32]:
        """Compute E[h | v] of every frame (paper Eq. 9), (T, M) float32."""
        inputs = self.inputs_h_from_v(spikes)
        with kernel_threads(self.n_threads):
            return self.hidden.mean(inputs)

    def sample_h_from_v(self, spikes: Spikes, random_state: int = 0) -> NDArray[np.float32]:
        """Draw the hidden units once for every frame, (T, M) float32."""
        inputs = self.inputs_h_from_v(spikes)
        with kernel_threads(self.n_threads):
            return self.hidden.sample(inputs, stream(random_state))

    def mean_v_from_h(self, hidden: NDArray[np.floating]) -> NDArray[np.float32]:
        """Compute P(v_i = 1 | h) (paper Eq. 11) for hidden values (B, M): (B, N) float32."""
        drive = np.asarray(hidden, dtype=np.float32) @ self.weights.T
        return np.asarray(expit(drive + self.fields), dtype=np.float32)

    def sample_v_from_h(self, hidden: NDArray[np.floating], random_state: int = 0) -> Spikes:
        """Draw the neurons once for hidden values (B, M)."""
        probability = self.mean_v_from_h(hidden)
        draws = np.random.default_rng(random_state).random(probability.shape, dtype=np.float32)
        return Spikes.from_dense(draws < probability)

    def reconstruct(self, spikes: Spikes) -> Iterator[NDArray[np.float32]]:
        """Yield P(v_i = 1 | E[h | v(t)]) (paper Eq. 18) in blocks of frames, (t, N) float32."""
        activity = self.mean_h_from_v(spikes)
        for start in range(0, len(activity), _FRAMES_AT_ONCE):
            yield self.mean_v_from_h(activity[start : start + _FRAMES_AT_ONCE])

    # --- energies -----------------------------------------------------------------------

    def energy(self, spikes: Spikes, hidden: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute E(v, h) (paper Eq. 7) of every frame, (T,), for hidden values (T, M)."""
        interaction = (self.inputs_h_from_v(spikes) * np.asarray(hidden, dtype=np.float64)).sum(1)
        own = self.hidden.potential(hidden).sum(axis=1)
        return np.asarray(own - self._field_term(spikes) - interaction)

    def free_energy(self, spikes: Spikes) -> NDArray[np.float64]:
        """Compute F(v) = -g.v - sum of cumulant functions (paper Eq. 12) of every frame, (T,)."""
        inputs = self.inputs_h_from_v(spikes)
        with kernel_threads(self.n_threads):
            gain = self.hidden.cumulant(inputs).sum(axis=1)
        return np.asarray(-self._field_term(spikes) - gain)

    def log_probability_unnormalised(self, spikes: Spikes) -> NDArray[np.float64]:
        """Compute log P(v) + log Z of every frame, (T,)."""
        return -self.free_energy(spikes)

    def _field_term(self, spikes: Spikes) -> NDArray[np.float64]:
        indptr, indices = spikes.by_frame
        running = np.concatenate([[0.0], np.cumsum(self.fields[indices], dtype=np.float64)])
        return np.asarray(running[indptr[1:]] - running[indptr[:-1]])

    # --- gauge --------------------------------------------------------------------------

    def standardised(self, spikes: Spikes) -> RBM:
        """Return the same distribution with Var(h) = 1 on ``spikes`` and a fixed sign.

        Rescaling h and its weights inversely changes nothing but the units of h. A unit is mirrored
        if its input would have a negative third cumulant for independent neurons. Its largest
        inputs then come from active members. The sum of the cubed weights alone would be decided
        by the largest weights, which belong to rarely active neurons.
        """
        inputs = self.inputs_h_from_v(spikes)
        with kernel_threads(self.n_threads):
            activity = self.hidden.moments(inputs)
        variance = activity.square.mean(axis=0) - activity.mean.mean(axis=0) ** 2
        scale = np.sqrt(variance)
        negative = _third_cumulant(self.weights, spikes.mean_activity) < 0
        sign = np.where(negative, -1.0, 1.0)
        return replace(
            self,
            weights=self.weights * (scale * sign).astype(np.float32),
            hidden=self.hidden.rescaled(scale).mirrored(negative),
        )

    # --- checks -------------------------------------------------------------------------

    def require_neurons(self, spikes: Spikes) -> None:
        """Refuse activity of another number of neurons.

        Raises
        ------
        ModelError
        """
        if spikes.n_neurons != self.n_neurons:
            raise ModelError(
                f"The model was trained on {self.n_neurons:,} neurons, this recording has "
                f"{spikes.n_neurons:,}: a model fits only the neurons it was trained on."
            )

    def __repr__(self) -> str:
        return f"RBM({self.n_neurons:,} neurons, {self.n_hidden} hidden units)"


def _third_cumulant(
    weights: NDArray[np.float32], mean_activity: NDArray[np.floating]
) -> NDArray[np.float64]:
    """Compute the third cumulant of every hidden input for independent neurons, (M,)."""
    p = mean_activity.astype(np.float64)
    skewness = (p * (1 - p) * (1 - 2 * p)).astype(np.float32)
    return np.asarray((weights**3 * skewness[:, None]).sum(axis=0, dtype=np.float64))


class HasRBM(Protocol):
    """An `RBM`, or a fitted estimator that holds one."""

    @property
    def rbm_(self) -> RBM:
        """The RBM."""


def _check_parameters(
    weights: NDArray[np.floating],
    fields: NDArray[np.floating],
    hidden: HiddenUnits,
) -> None:
    if weights.ndim != 2 or 0 in weights.shape:
        raise ModelError(f"Weights must be (neurons, hidden units); found shape {weights.shape}.")
    if np.shape(fields) != (weights.shape[0],):
        raise ModelError(
            f"Fields have shape {np.shape(fields)}; weights describe {weights.shape[0]} neurons."
        )
    if any(np.shape(row) != (weights.shape[1],) for row in hidden):
        raise ModelError(
            f"Hidden unit parameters must have {weights.shape[1]} values each, as the weights do."
        )
    arrays = {"weights": weights, "fields": fields, **hidden._asdict()}
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise ModelError(f"The model's {name} hold values that are not finite.")
    if hidden.problem is not None:
        raise ModelError(hidden.problem)
