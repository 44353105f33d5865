"""The compositional restricted Boltzmann machine: binary neurons, double-ReLU hidden units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.compute.weights import DenseWeights, efficient
from napari_crbm.model.pseudo_likelihood import PseudoLikelihoodProbe
from napari_crbm.model.sampling.chains import Chains
from napari_crbm.model.training.settings import Settings
from napari_crbm.model.units import drelu
from napari_crbm.model.units.drelu import DReLU
from napari_crbm.spikes import Spikes

_FRAMES_AT_ONCE = 512


class CRBM:
    r"""Compositional RBM of neural activity (van der Plas, Tubiana et al., eLife 2023).

    Neurons :math:`v_i \in \{0, 1\}` and hidden units :math:`h_\mu \in \mathbb{R}` have
    the joint energy (paper Eq. 7)

    .. math:: E(v, h) = -\sum_i g_i v_i + \sum_\mu U_\mu(h_\mu) - \sum_{i\mu} w_{i\mu} v_i h_\mu

    with double-ReLU potentials U (see `napari_crbm.model.units.drelu` for the sign
    convention). Neurons with large :math:`|w_{i\mu}|` form assembly :math:`\mu`; a
    neuron may belong to many.

    Parameters
    ----------
    n_hidden : int or "auto"
        Number of hidden units M, the assemblies to look for. ``"auto"`` counts the
        directions in which the recording varies more than chance would.
    recipe : {"default", "paper", "quick"}
        Named set of training settings; see `Settings.named`.
    l1 : float, optional
        Strength of the sparse penalty. By default scaled to the recording: too weak
        leaves noise in the assemblies, too strong sets every weight to zero.
    random_state : int
        Seed. The same seed gives the same model on any number of threads.
    n_threads : int, optional
        Threads to compute with; all cores by default.
    **settings
        Any other field of `Settings`, e.g. ``n_updates=5000``.

    Attributes
    ----------
    weights_ : (N, M) float32
        Signed weight of neuron i in assembly mu; exactly zero outside.
    fields_ : (N,) float32
        Fields g of the neurons.
    hidden_ : DReLU
        Parameters of the hidden units.
    history_ : dict of str to arrays
        Training statistics, one column each; ``update`` and ``elapsed_s`` among them.
    settings_ : Settings
        What the model was trained with, nothing left to "auto".
    split_ : dict with "train" and "test" frame indices, or None
    recording_fingerprint_ : str or None
        Fingerprint of the spikes trained on.
    examples_ : (K, M) float32 or None
        Hidden inputs of some training frames. With them, chains mix much faster (see
        `napari_crbm.model.sampling.jumps`); samples follow the same distribution without.
    reproducibility_ : (M,) float64 or None
        Likeness of every assembly to its partners in other models, 0 to 1, once it has
        been measured (see `napari_crbm.analysis.reproducibility`).
    n_features_in_ : int
        Number of neurons N.

    Examples
    --------
    >>> from napari_crbm import CRBM, simulate
    >>> recording = simulate(n_neurons=300, n_frames=600, n_assemblies=5).recording
    >>> model = CRBM(n_hidden=5, recipe="quick").fit(recording.spikes)
    >>> activity = model.transform(recording.spikes)  # (T, M) expected hidden activity
    """

    weights_: NDArray[np.float32]
    fields_: NDArray[np.float32]
    hidden_: DReLU
    history_: dict[str, NDArray[np.float64]]
    settings_: Settings | None
    split_: dict[str, NDArray[np.int64]] | None
    recording_fingerprint_: str | None
    examples_: NDArray[np.float32] | None
    reproducibility_: NDArray[np.float64] | None
    versions_: dict[str, str]
    n_features_in_: int

    def __init__(
        self,
        n_hidden: int | str = "auto",
        *,
        recipe: str = "default",
        l1: float | None = None,
        random_state: int = 0,
        n_threads: int | None = None,
        **settings: Any,
    ) -> None:
        self.n_hidden = n_hidden
        self.recipe = recipe
        self.l1 = l1
        self.random_state = random_state
        self.n_threads = n_threads
        self.settings = settings

    @classmethod
    def from_parameters(
        cls,
        weights: NDArray[np.floating],
        fields: NDArray[np.floating],
        hidden: DReLU,
        *,
        settings: Settings | None = None,
        history: Mapping[str, NDArray[np.float64]] | None = None,
        split: Mapping[str, NDArray[np.int64]] | None = None,
        recording_fingerprint: str | None = None,
        examples: NDArray[np.floating] | None = None,
        reproducibility: NDArray[np.floating] | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> Self:
        """A fitted model from its parameters: weights (N, M), fields (N,), units of M.

        Raises
        ------
        ModelError
            If shapes disagree, a value is not finite or a stiffness is not positive.
        """
        hidden = DReLU(*(np.array(row, dtype=np.float64) for row in hidden))
        _check_parameters(weights, fields, hidden, examples)
        if reproducibility is not None:
            check_reproducibility(reproducibility, weights.shape[1])
        model = cls(weights.shape[1])
        if settings is not None:
            model.random_state = settings.random_state
            model.l1 = None if settings.l1 == "auto" else float(settings.l1)
        model.weights_ = np.array(weights, dtype=np.float32, order="C")
        model.fields_ = np.array(fields, dtype=np.float32)
        model.hidden_ = hidden
        model.settings_ = settings
        model.history_ = dict(history or {})
        model.split_ = None if split is None else dict(split)
        model.recording_fingerprint_ = recording_fingerprint
        model.examples_ = None if examples is None else np.array(examples, dtype=np.float32)
        model.reproducibility_ = (
            None if reproducibility is None else np.array(reproducibility, dtype=np.float64)
        )
        model.versions_ = dict(versions or {})
        model.n_features_in_ = weights.shape[0]
        return model

    def fit(self, spikes: Spikes, y: None = None) -> Self:
        """Train on the recorded activity and return the model itself.

        For progress, pause, stop and checkpoints iterate over
        `napari_crbm.model.Training` instead.

        Raises
        ------
        ModelError
            If the settings do not suit the recording.
        TrainingCollapsed, TrainingDiverged
            If no model can be learned with these settings; the text says what to change.
        """
        from napari_crbm.model.training.training import Training

        training = Training(spikes, self._requested_settings())
        for _ in training:
            pass
        self.__dict__.update(
            {k: v for k, v in training.model().__dict__.items() if k.endswith("_")}
        )
        return self

    def _requested_settings(self) -> Settings:
        wanted = {"n_hidden": self.n_hidden, "l1": "auto" if self.l1 is None else self.l1}
        return Settings.named(
            self.recipe,
            **wanted,
            random_state=self.random_state,
            n_threads=self.n_threads,
            **self.settings,
        )

    @property
    def n_neurons(self) -> int:
        """Number of neurons N of the fitted model."""
        return int(self._fitted().weights_.shape[0])

    @property
    def n_assemblies(self) -> int:
        """Number of hidden units M of the fitted model."""
        return int(self._fitted().weights_.shape[1])

    # --- inputs, conditionals, sampling -----------------------------------------------

    def inputs_h_from_v(self, spikes: Spikes) -> NDArray[np.float32]:
        """Hidden inputs ``I = W^T v`` of every frame, (T, M) float32."""
        self._check_spikes(spikes)
        inputs = np.empty((spikes.n_frames, self.n_assemblies), dtype=np.float32)
        frames = np.arange(spikes.n_frames)
        with kernel_threads(self.n_threads):
            efficient(self.weights_).project_frames(spikes, frames, inputs)
        return inputs

    def transform(self, spikes: Spikes) -> NDArray[np.float32]:
        """Assembly activity: E[h | v] of every frame (paper Eq. 9), (T, M) float32."""
        inputs = self.inputs_h_from_v(spikes)
        with kernel_threads(self.n_threads):
            return drelu.mean(inputs, self.hidden_)

    def sample_h_from_v(self, spikes: Spikes, random_state: int = 0) -> NDArray[np.float32]:
        """One draw of the hidden units for every frame, (T, M) float32."""
        inputs = self.inputs_h_from_v(spikes)
        with kernel_threads(self.n_threads):
            return drelu.sample(inputs, self.hidden_, stream(random_state))

    def mean_v_from_h(self, hidden: NDArray[np.floating]) -> NDArray[np.float32]:
        """P(v_i = 1 | h) for hidden values (B, M) (paper Eq. 11): (B, N) float32."""
        drive = np.asarray(hidden, dtype=np.float32) @ self._fitted().weights_.T
        return np.asarray(expit(drive + self.fields_), dtype=np.float32)

    def sample_v_from_h(self, hidden: NDArray[np.floating], random_state: int = 0) -> Spikes:
        """One draw of the neurons for hidden values (B, M)."""
        probability = self.mean_v_from_h(hidden)
        draws = np.random.default_rng(random_state).random(probability.shape, dtype=np.float32)
        return Spikes.from_dense(draws < probability)

    def reconstruct(self, spikes: Spikes) -> Iterator[NDArray[np.float32]]:
        """P(v_i = 1 | E[h | v(t)]), in blocks of frames (t, N) (paper Eq. 18)."""
        activity = self.transform(spikes)
        for start in range(0, len(activity), _FRAMES_AT_ONCE):
            yield self.mean_v_from_h(activity[start : start + _FRAMES_AT_ONCE])

    def sample(
        self,
        n_samples: int,
        *,
        n_chains: int = 100,
        burn_in: int = 200,
        thin: int = 20,
        start: Spikes | None = None,
        random_state: int = 0,
    ) -> Spikes:
        """Activity drawn from the model by Gibbs sampling.

        Parameters
        ----------
        n_samples : int
            Frames to draw; chain after chain within a sweep.
        n_chains : int
            Independent chains run side by side.
        burn_in, thin : int
            Gibbs steps before the first sample and between samples.
        start : Spikes, optional
            Recorded frames from which chains start (drawn at random), as in the
            paper; by default neurons start independent, each with its field.
        random_state : int

        Returns
        -------
        Spikes
            (n_samples, N).
        """
        n_chains = min(n_chains, n_samples)
        chains = Chains(self, n_chains, start=start, random_state=random_state)
        sweeps = -(-n_samples // n_chains)

        def blocks() -> Iterator[NDArray[np.uint8]]:
            chains.advance(burn_in)
            for sweep in range(sweeps):
                if sweep:
                    chains.advance(thin)
                yield chains.state()[: n_samples - sweep * n_chains]

        with kernel_threads(self.n_threads):
            return Spikes.from_chunks(blocks(), n_samples, self.n_neurons)

    # --- energies -----------------------------------------------------------------------

    def energy(self, spikes: Spikes, hidden: NDArray[np.floating]) -> NDArray[np.float64]:
        """E(v, h) of every frame (paper Eq. 7); ``hidden`` is (T, M). Returns (T,)."""
        interaction = (self.inputs_h_from_v(spikes) * np.asarray(hidden, dtype=np.float64)).sum(1)
        own = drelu.potential(hidden, self.hidden_).sum(axis=1)
        return np.asarray(own - self._field_term(spikes) - interaction)

    def free_energy(self, spikes: Spikes) -> NDArray[np.float64]:
        """F(v) = -g.v - sum of cumulant functions (paper Eq. 12), (T,)."""
        inputs = self.inputs_h_from_v(spikes)
        with kernel_threads(self.n_threads):
            gain = drelu.cumulant(inputs, self.hidden_).sum(axis=1)
        return np.asarray(-self._field_term(spikes) - gain)

    def log_probability_unnormalised(self, spikes: Spikes) -> NDArray[np.float64]:
        """Log P(v) plus log Z of every frame, (T,)."""
        return -self.free_energy(spikes)

    def pseudo_likelihood(
        self, spikes: Spikes, *, neurons_per_frame: int = 16, random_state: int = 0
    ) -> float:
        """Mean log P(v_i | all other neurons), over random neurons of every frame.

        In nats a neuron and frame; zero is perfect. Half of the neurons are drawn
        among a frame's active ones and weighted accordingly, because spikes are rare
        and carry most of the information.
        """
        self._check_spikes(spikes)
        with kernel_threads(self.n_threads):
            probe = PseudoLikelihoodProbe(spikes, neurons_per_frame, random_state)
            return probe.evaluate(DenseWeights(self.weights_), self.fields_, self.hidden_)

    def score(self, spikes: Spikes, y: None = None) -> float:
        """Mean pseudo-log-likelihood a neuron and frame; higher is better."""
        return self.pseudo_likelihood(spikes)

    # --- gauges -------------------------------------------------------------------------

    def standardised(self, spikes: Spikes) -> Self:
        """The same distribution with Var(h) = 1 on ``spikes`` and large weights mostly positive.

        Rescaling h and its weights inversely changes nothing but the units of h;
        mirroring h with its weights makes the sum of the cubes of every column positive: of an
        assembly with many small weights against others its members count, not those.
        """
        activity = drelu.moments(self.inputs_h_from_v(spikes), self.hidden_)
        variance = activity.square.mean(axis=0) - activity.mean.mean(axis=0) ** 2
        scale = np.sqrt(variance)
        negative = (self.weights_**3).sum(axis=0, dtype=np.float64) < 0
        sign = np.where(negative, -1.0, 1.0)
        model = type(self).from_parameters(
            self.weights_ * (scale * sign).astype(np.float32),
            self.fields_,
            self.hidden_.rescaled(scale).mirrored(negative),
        )
        learned = {"weights_", "hidden_", "fields_"}
        model.__dict__.update(
            {key: value for key, value in self.__dict__.items() if key not in learned}
        )
        if self.examples_ is not None:
            model.examples_ = (self.examples_ * (scale * sign)).astype(np.float32)
        return model

    # --- checks -------------------------------------------------------------------------

    def _fitted(self) -> Self:
        if not hasattr(self, "weights_"):
            raise ModelError("This model has not been trained: call fit first.")
        return self

    def _check_spikes(self, spikes: Spikes) -> None:
        if spikes.n_neurons != self._fitted().weights_.shape[0]:
            raise ModelError(
                f"The model was trained on {self.n_neurons:,} neurons, this recording has "
                f"{spikes.n_neurons:,}: a model fits only the neurons it was trained on."
            )

    def _field_term(self, spikes: Spikes) -> NDArray[np.float64]:
        indptr, indices = spikes.by_frame
        running = np.concatenate([[0.0], np.cumsum(self.fields_[indices], dtype=np.float64)])
        return np.asarray(running[indptr[1:]] - running[indptr[:-1]])

    def __repr__(self) -> str:
        if not hasattr(self, "weights_"):
            return f"CRBM(n_hidden={self.n_hidden!r}, recipe={self.recipe!r}, not trained)"
        zeros = float(np.mean(self.weights_ == 0))
        return (
            f"CRBM({self.n_neurons:,} neurons, {self.n_assemblies} assemblies, "
            f"{100 * zeros:.1f} % of weights zero)"
        )


def _check_parameters(
    weights: NDArray[np.floating],
    fields: NDArray[np.floating],
    hidden: DReLU,
    examples: NDArray[np.floating] | None,
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
    if examples is not None:
        if examples.ndim != 2 or len(examples) == 0 or examples.shape[1] != weights.shape[1]:
            raise ModelError(
                f"Examples of hidden inputs have shape {examples.shape}; expected (frames, "
                f"{weights.shape[1]}) for as many hidden units as the weights have."
            )
        arrays["examples"] = examples
    for name, values in arrays.items():
        if not np.isfinite(values).all():
            raise ModelError(f"The model's {name} hold values that are not finite.")
    if min(hidden.gamma_plus.min(), hidden.gamma_minus.min()) <= 0:
        raise ModelError("The hidden units' gamma_plus and gamma_minus must be positive.")


def check_reproducibility(values: NDArray[np.floating], n_hidden: int) -> None:
    """Refuse what is not one number from 0 to 1 for every hidden unit."""
    found = np.asarray(values)
    if found.shape != (n_hidden,) or not ((found >= 0) & (found <= 1 + 1e-6)).all():
        raise ModelError(
            f"Reproducibility must be {n_hidden} numbers from 0 to 1, one an assembly; found "
            f"shape {found.shape}. Compute it with 'napari-crbm reproducibility'."
        )
