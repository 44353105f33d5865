"""Methods of a fitted estimator: parameters, conditionals, energies, samples and scores."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import NotTrained
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.weights import DenseWeights
from napari_crbm.model.estimator.activity import ActivityLike, as_spikes
from napari_crbm.model.members.association import Association, associate
from napari_crbm.model.members.members import Members
from napari_crbm.model.members.settings import Definition, MemberSettings
from napari_crbm.model.pseudo_likelihood import PseudoLikelihoodProbe
from napari_crbm.model.rbm import RBM
from napari_crbm.model.sampling.chains import draw_after
from napari_crbm.model.sampling.draw import draw
from napari_crbm.model.units.protocol import HiddenUnits
from napari_crbm.spikes import Spikes

# Gibbs steps of `Fitted.sample` if only one of the two is given.
_BURN_IN, _THIN = 200, 20


class Fitted:
    """Methods of an estimator that holds an `RBM`.

    Activity ``X`` is a `Recording`, `Spikes`, or a (frames, neurons) array or SciPy sparse
    matrix of zeros and ones.
    """

    #: Threads to compute with; all cores by default.
    n_threads: int | None
    split_: dict[str, NDArray[np.int64]] | None
    recording_fingerprint_: str | None
    members_: Members | None
    _rbm: RBM | None = None

    # --- parts of the fitted model --------------------------------------------------------

    @property
    def rbm_(self) -> RBM:
        """Parameters of the fitted model, and what follows from them."""
        if self._rbm is None:
            raise NotTrained("This model has not been trained: call fit first.")
        if self._rbm.n_threads != self.n_threads:
            self._rbm = replace(self._rbm, n_threads=self.n_threads)
        return self._rbm

    @property
    def weights_(self) -> NDArray[np.float32]:
        """Signed weight of every neuron in every assembly, (N, M)."""
        return self.rbm_.weights

    @property
    def fields_(self) -> NDArray[np.float32]:
        """Fields of the neurons, (N,)."""
        return self.rbm_.fields

    @property
    def hidden_(self) -> HiddenUnits:
        """Parameters of the hidden units."""
        return self.rbm_.hidden

    @property
    def n_features_in_(self) -> int:
        """Number of neurons N."""
        return self.rbm_.n_neurons

    @property
    def n_neurons(self) -> int:
        """Number of neurons N of the fitted model."""
        return self.rbm_.n_neurons

    @property
    def n_assemblies(self) -> int:
        """Number of hidden units M of the fitted model."""
        return self.rbm_.n_hidden

    # --- conditionals and energies ----------------------------------------------------------

    def inputs_h_from_v(self, X: ActivityLike) -> NDArray[np.float32]:
        """Compute the hidden inputs ``I = W^T v`` of every frame, (T, M) float32."""
        return self.rbm_.inputs_h_from_v(as_spikes(X))

    def transform(self, X: ActivityLike) -> NDArray[np.float32]:
        """Compute assembly activity: E[h | v] of every frame (paper Eq. 9), (T, M) float32."""
        return self.rbm_.mean_h_from_v(as_spikes(X))

    def sample_h_from_v(self, X: ActivityLike, random_state: int = 0) -> NDArray[np.float32]:
        """Draw the hidden units once for every frame, (T, M) float32."""
        return self.rbm_.sample_h_from_v(as_spikes(X), random_state)

    def mean_v_from_h(self, hidden: NDArray[np.floating]) -> NDArray[np.float32]:
        """Compute P(v_i = 1 | h) (paper Eq. 11) for hidden values (B, M): (B, N) float32."""
        return self.rbm_.mean_v_from_h(hidden)

    def sample_v_from_h(self, hidden: NDArray[np.floating], random_state: int = 0) -> Spikes:
        """Draw the neurons once for hidden values (B, M)."""
        return self.rbm_.sample_v_from_h(hidden, random_state)

    def reconstruct(self, X: ActivityLike) -> Iterator[NDArray[np.float32]]:
        """Yield P(v_i = 1 | E[h | v(t)]) (paper Eq. 18) in blocks of frames, (t, N) float32."""
        return self.rbm_.reconstruct(as_spikes(X))

    def energy(self, X: ActivityLike, hidden: NDArray[np.floating]) -> NDArray[np.float64]:
        """Compute E(v, h) (paper Eq. 7) of every frame, (T,), for hidden values (T, M)."""
        return self.rbm_.energy(as_spikes(X), hidden)

    def free_energy(self, X: ActivityLike) -> NDArray[np.float64]:
        """Compute F(v) = -g.v - sum of cumulant functions (paper Eq. 12) of every frame, (T,)."""
        return self.rbm_.free_energy(as_spikes(X))

    def log_probability_unnormalised(self, X: ActivityLike) -> NDArray[np.float64]:
        """Compute log P(v) + log Z of every frame, (T,)."""
        return self.rbm_.log_probability_unnormalised(as_spikes(X))

    def standardised(self, X: ActivityLike) -> Self:
        """Return the same distribution with Var(h) = 1 on ``X`` and a fixed sign.

        See `RBM.standardised`.
        """
        model = copy.copy(self)
        model._rbm = self.rbm_.standardised(as_spikes(X))
        # Mirrored units change the signs of their members.
        model.members_ = None
        return model

    # --- members ----------------------------------------------------------------------------

    def find_members(
        self,
        X: ActivityLike,
        members: Definition = "association",
        *,
        threshold: float | None = None,
    ) -> Self:
        """Decide who belongs to each assembly, keep it as `members_`, and return the model itself.

        `fit` does this by association. Call it after `Training.model`, for a model of an earlier
        version, or for another definition.

        Parameters
        ----------
        X : Recording, Spikes, (T, N) array or sparse matrix
            The activity that the model was trained on. Its training frames decide, so that
            held-out frames stay independent.
        members : {"association", "weight"}
            By the association of the activity with the assembly, tested against chance (see
            `napari_crbm.model.members`), or by ``|weight|``.
        threshold : float, optional
            By "weight": smallest ``|w|``; by default a fifth of the assembly's largest.

        Raises
        ------
        ModelError
            If ``X`` has other neurons.
        SettingError
            If there is no such definition.
        """
        spikes = as_spikes(X)
        self.rbm_.require_neurons(spikes)
        if MemberSettings(members).members == "weight":
            self.members_ = Members.by_weight(self.weights_, threshold)
            return self
        self.members_ = Members.by_association(self.association(X))
        return self

    def association(self, X: ActivityLike) -> Association:
        """Measure and test the association of every neuron with every assembly.

        Parameters
        ----------
        X : Recording, Spikes, (T, N) array or sparse matrix
            If it is the activity that the model was trained on, its training frames are used.

        Raises
        ------
        ModelError
            If ``X`` has other neurons.
        """
        spikes, frames = as_spikes(X), None
        self.rbm_.require_neurons(spikes)
        if self.split_ is not None and self.recording_fingerprint_ in (None, spikes.fingerprint):
            frames = np.sort(self.split_["train"])
        return associate(self.rbm_, spikes, frames, getattr(X, "frame_numbers", None))

    # --- samples and scores -----------------------------------------------------------------

    def sample(
        self,
        n_samples: int,
        *,
        n_chains: int = 100,
        burn_in: int | None = None,
        thin: int | None = None,
        start: ActivityLike | None = None,
        random_state: int | None = 0,
    ) -> Spikes:
        """Draw activity from the model by Gibbs sampling.

        The number of Gibbs steps is measured: chains run until they no longer depend on their
        initial states, and samples are one autocorrelation time apart, at most 20 steps. So
        `sample` returns the spikes of `napari_crbm.model.draw` with the same arguments; call
        `draw` itself to learn how many independent samples they are worth, and whether the
        chains have settled.

        With ``burn_in`` or ``thin`` the number of steps is fixed and nothing is measured.

        Parameters
        ----------
        n_samples : int
            Frames to draw; chain after chain within a sweep.
        n_chains : int
            Chains run side by side; at least 150 if the number of steps is measured.
        burn_in, thin : int, optional
            Fixed number of Gibbs steps before the first sample and between samples. If only one
            is given, the other is 200 (``burn_in``) or 20 (``thin``).
        start : Recording, Spikes, (T, N) array or sparse matrix, optional
            Recorded frames from which chains start; by default neurons start independent.
        random_state : int or None
            Seed; None draws a new one.

        Returns
        -------
        Spikes
            (n_samples, N).
        """
        frames = None if start is None else as_spikes(start)
        seed = new_seed() if random_state is None else random_state
        if burn_in is None and thin is None:
            samples = draw(self.rbm_, n_samples, n_chains=n_chains, start=frames, random_state=seed)
            return samples.spikes
        return draw_after(
            self.rbm_,
            n_samples,
            n_chains=n_chains,
            burn_in=_BURN_IN if burn_in is None else burn_in,
            thin=_THIN if thin is None else thin,
            start=frames,
            random_state=seed,
        )

    def pseudo_likelihood(
        self, X: ActivityLike, *, neurons_per_frame: int = 16, random_state: int = 0
    ) -> float:
        """Compute the mean log P(v_i | all other neurons), over random neurons of every frame.

        In nats per neuron per frame; zero is perfect. Half of the neurons are drawn among a
        frame's active ones and weighted accordingly, because spikes are rare and carry most of
        the information.
        """
        spikes = as_spikes(X)
        self.rbm_.require_neurons(spikes)
        with kernel_threads(self.n_threads):
            probe = PseudoLikelihoodProbe(spikes, neurons_per_frame, random_state)
            return probe.evaluate(DenseWeights(self.weights_), self.fields_, self.hidden_)

    def score(self, X: ActivityLike, y: None = None) -> float:
        """Compute the mean pseudo-likelihood (a log-probability), in nats per neuron per frame.

        Higher is better, so that scikit-learn's searches maximise it.
        """
        return self.pseudo_likelihood(X)


def new_seed() -> int:
    """Draw a seed from the entropy of the operating system."""
    return int(np.random.default_rng().integers(2**31))
