"""The compositional RBM as an estimator in the manner of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields as fields_of
from dataclasses import replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.labels import Labels
from napari_crbm.model.estimator.activity import (
    ActivityLike,
    as_spikes,
    coordinates_of,
    segments_of,
)
from napari_crbm.model.estimator.checks import check_halves, check_stability
from napari_crbm.model.estimator.fitted import Fitted, new_seed
from napari_crbm.model.estimator.parameters import Parameters, with_settings
from napari_crbm.model.members.members import Members, check_members
from napari_crbm.model.rbm import RBM
from napari_crbm.model.training.result import Trained
from napari_crbm.model.training.run import TrainingRun
from napari_crbm.model.training.settings import Settings
from napari_crbm.model.training.split import Segments
from napari_crbm.model.units.protocol import HiddenUnits
from napari_crbm.spikes import Spikes

# Settings of the machine, not of the model: a loaded model does not take them over.
_OF_THE_MACHINE = ("n_threads", "device")


@with_settings
class CRBM(Fitted, Parameters):
    r"""Compositional RBM of neural activity (van der Plas, Tubiana et al., eLife 2023).

    Neurons :math:`v_i \in \{0, 1\}` and hidden units :math:`h_\mu \in \mathbb{R}` have the
    joint energy (paper Eq. 7)

    .. math:: E(v, h) = -\sum_i g_i v_i + \sum_\mu U_\mu(h_\mu) - \sum_{i\mu} w_{i\mu} v_i h_\mu

    with double-ReLU potentials U (see `napari_crbm.model.DReLU` for the sign convention).
    Neurons with large :math:`|w_{i\mu}|` form assembly :math:`\mu`; a neuron may belong to many.

    The estimator follows the conventions of scikit-learn, which need not be installed. Wherever
    it takes activity, ``X`` is a `Recording`, `Spikes`, or a (frames, neurons) array or SciPy
    sparse matrix of zeros and ones.

    Parameters
    ----------
    n_hidden : int or "auto", default "auto"
        Number of hidden units M, the assemblies to look for. "auto" counts the directions in
        which the recording varies more than chance would. None: as in the recipe.
    recipe : {"default", "paper", "quick"}, default "default"
        Named set of training settings, see `Settings.named`. It decides every setting below
        that is None; the defaults in the descriptions are those of the recipe "default".
    l1 : float or "auto", optional
        Strength of the sparse penalty. By default "auto" in every recipe, which scales it to the
        recording. Too weak a penalty leaves noise in the assemblies, too strong a one sets every
        weight to zero.
    random_state : int or None, default 0
        Seed. The same seed gives the same model on any number of threads; None draws a new seed
        for every fit, which ``settings_`` then holds.
    n_threads : int, optional
        Threads to compute with; all cores by default.

    Attributes
    ----------
    rbm_ : RBM
        Parameters of the model and what follows from them; `weights_`, `fields_` and
        `hidden_` are its parts.
    weights_ : (N, M) float32
        Signed weight of neuron i in assembly mu; exactly zero outside.
    fields_ : (N,) float32
        Fields g of the neurons.
    hidden_ : HiddenUnits
        Parameters of the hidden units.
    history_ : dict of str to arrays
        Training statistics, one column each; ``update`` and ``elapsed_s`` among them.
    settings_ : Settings or None
        What the model was trained with, nothing left to "auto".
    split_ : dict with "train" and "test" frame indices, or None
        Also "validation" if it was trained with patience. Other frames are in the gaps.
    recording_fingerprint_ : str or None
        Fingerprint of the spikes trained on.
    stability_ : (M,) float64 or None
        Similarity of every assembly to its counterparts in other trainings, 0 to 1, once it has
        been measured (see `napari_crbm.analysis.stability`).
    halves_ : dict of str to (M,) float64, or None
        Whether trainings on two disjoint halves of the recording find each assembly, once this
        has been measured: ``similarity, chance, q`` and ``found`` (1 or 0), see
        `napari_crbm.analysis.reproducibility`.
    members_ : Members or None
        Members of each assembly; None before `find_members`. Tables, figures and evidence use
        them.
    labels_ : Labels
        Names, stars, tags, notes and colours of assemblies, and groups of neurons, that a person
        gave them (see `napari_crbm.labels`); empty after a training.
    versions_ : dict of str to str
        Versions of Python and of libraries at training.
    n_features_in_ : int
        Number of neurons N.

    Raises
    ------
    ModelError
        At construction, if there is no parameter of a given name. Values are checked by `fit`.

    Examples
    --------
    >>> from napari_crbm import CRBM, simulate
    >>> recording = simulate(n_neurons=300, n_frames=600, n_assemblies=5).recording
    >>> model = CRBM(n_hidden=5, recipe="quick").fit(recording)
    >>> activity = model.transform(recording)  # (T, M) expected hidden activity
    """

    history_: dict[str, NDArray[np.float64]]
    settings_: Settings | None
    split_: dict[str, NDArray[np.int64]] | None
    recording_fingerprint_: str | None
    stability_: NDArray[np.float64] | None
    halves_: dict[str, NDArray[np.float64]] | None
    members_: Members | None
    labels_: Labels
    versions_: dict[str, str]

    # The training that `partial_fit` goes on with.
    _training: TrainingRun | None = None

    def __init__(
        self,
        n_hidden: int | str | None = "auto",
        *,
        recipe: str = "default",
        l1: float | str | None = None,
        random_state: int | None = 0,
        n_threads: int | None = None,
        n_updates: int | None = None,
        learning_rate: float | None = None,
        final_learning_rate: float | str | None = None,
        warm_up: float | None = None,
        decay_after: float | None = None,
        batch_size: int | None = None,
        n_chains: int | None = None,
        gibbs_steps: int | None = None,
        patience: int | None = None,
        initialisation: str | None = None,
        second_moment_decay: float | None = None,
        epsilon: float | None = None,
        n_test_blocks: int | None = None,
        test_choice: str | None = None,
        device: str | None = None,
    ) -> None:
        self.n_hidden = n_hidden
        self.recipe = recipe
        self.l1 = l1
        self.random_state = random_state
        self.n_threads = n_threads
        self.n_updates = n_updates
        self.learning_rate = learning_rate
        self.final_learning_rate = final_learning_rate
        self.warm_up = warm_up
        self.decay_after = decay_after
        self.batch_size = batch_size
        self.n_chains = n_chains
        self.gibbs_steps = gibbs_steps
        self.patience = patience
        self.initialisation = initialisation
        self.second_moment_decay = second_moment_decay
        self.epsilon = epsilon
        self.n_test_blocks = n_test_blocks
        self.test_choice = test_choice
        self.device = device

    @classmethod
    def from_parameters(
        cls,
        weights: NDArray[np.floating],
        fields: NDArray[np.floating],
        hidden: HiddenUnits,
        *,
        settings: Settings | None = None,
        history: Mapping[str, NDArray[np.float64]] | None = None,
        split: Mapping[str, NDArray[np.int64]] | None = None,
        recording_fingerprint: str | None = None,
        stability: NDArray[np.floating] | None = None,
        halves: Mapping[str, NDArray[np.float64]] | None = None,
        members: Members | None = None,
        labels: Labels | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> Self:
        """Make a fitted model from its parameters: weights (N, M), fields (N,), M units.

        Its own parameters are those of ``settings``, so that `fit` trains with them again;
        threads and device are left to this machine.

        Raises
        ------
        ModelError
            If shapes disagree, a value is not finite or a stiffness is not positive.
        LabelError
            If a label is of an assembly or neuron that does not exist.
        """
        rbm = RBM.from_parameters(weights, fields, hidden)
        if stability is not None:
            check_stability(stability, rbm.n_hidden)
        if halves is not None:
            check_halves(halves, rbm.n_hidden)
        if members is not None:
            check_members(members, rbm.weights.shape)
        if labels is not None:
            labels.check(rbm.n_hidden, len(rbm.weights))
        model = cls(rbm.n_hidden)
        if settings is not None:
            values = settings.as_dict().items()
            model.set_params(**{name: v for name, v in values if name not in _OF_THE_MACHINE})
        model._rbm = rbm
        model.settings_ = settings
        model.history_ = dict(history or {})
        model.split_ = None if split is None else dict(split)
        model.recording_fingerprint_ = recording_fingerprint
        model.stability_ = None if stability is None else np.array(stability, dtype=np.float64)
        model.halves_ = None if halves is None else dict(halves)
        model.members_ = members
        model.labels_ = labels or Labels()
        model.versions_ = dict(versions or {})
        return model

    @classmethod
    def from_training(cls, trained: Trained) -> Self:
        """Make the fitted model of a training that was driven step by step."""
        rbm = trained.rbm
        return cls.from_parameters(
            rbm.weights,
            rbm.fields,
            rbm.hidden,
            settings=trained.settings,
            history=trained.history,
            split=trained.split,
            recording_fingerprint=trained.recording_fingerprint,
            versions=trained.versions,
        )

    # --- training -----------------------------------------------------------------------

    def fit(self, X: ActivityLike, y: None = None) -> Self:
        """Train on recorded activity and return the model itself.

        For progress, pause, stop and checkpoints iterate over `napari_crbm.model.Training`
        instead.

        Parameters
        ----------
        X : Recording, Spikes, (T, N) array or sparse matrix
        y : None
            Ignored.

        Raises
        ------
        RecordingError
            If ``X`` is not binary activity.
        ModelError
            If a parameter has no such value, or the settings do not suit the recording.
        TrainingCollapsed, TrainingDiverged
            If no model can be learned with these settings; the text says what to change.
        """
        settings = self._requested_settings()
        training = TrainingRun(
            as_spikes(X), settings, segments=segments_of(X), coordinates=coordinates_of(X)
        )
        for _ in training:
            pass
        self._training = None
        self._take(training.result())
        return self.find_members(X)

    def fit_transform(self, X: ActivityLike, y: None = None) -> NDArray[np.float32]:
        """Train on recorded activity and return its assembly activity, (T, M) float32."""
        spikes = as_spikes(X)
        return self.fit(spikes).transform(spikes)

    def partial_fit(self, X: ActivityLike, y: None = None, *, n_updates: int = 1) -> Self:
        """Make some more updates of the parameters and return the model itself.

        A model that is not fitted starts a training: it finds initial assemblies and makes the
        first updates of the schedule that ``n_updates`` of the constructor describes. Further
        calls with the same activity go on with that training: ten calls of one update make the
        same model as one call of ten.

        A fitted or loaded model, or other activity of the same neurons, starts from the present
        parameters with new chains and new running means of RMSprop. The learning rate stays
        where the training so far has brought it, also beyond the end of the schedule. The
        settings are those that the model was trained with; changed parameters take effect with
        `fit`.

        The training is kept between calls, with the activity; pickles and copies leave it out.

        Parameters
        ----------
        X : Recording, Spikes, (T, N) array or sparse matrix
        y : None
            Ignored.
        n_updates : int
            Updates to make.

        Raises
        ------
        RecordingError, ModelError, TrainingCollapsed, TrainingDiverged
            As `fit`; also if ``X`` has another number of neurons.
        """
        if isinstance(n_updates, bool) or not isinstance(n_updates, int) or n_updates < 1:
            raise ModelError(f"n_updates must be a positive whole number; found {n_updates!r}.")
        spikes, training = as_spikes(X), self._training
        if training is None or training.fingerprint != spikes.fingerprint:
            training = self._continued(spikes, segments_of(X), coordinates_of(X))
        training.make_updates(n_updates)
        self._training = training
        self._take(training.result())
        return self

    def _continued(
        self,
        spikes: Spikes,
        segments: Segments | None,
        coordinates: NDArray[np.floating] | None,
    ) -> TrainingRun:
        """Start a training from the present parameters, or from the beginning without any."""
        if self._rbm is None:
            return TrainingRun(
                spikes, self._requested_settings(), segments=segments, coordinates=coordinates
            )
        self._rbm.require_neurons(spikes)
        settings = self.settings_ or self._requested_settings()
        settings = replace(settings, n_hidden=self._rbm.n_hidden, n_threads=self.n_threads)
        return TrainingRun(
            spikes, settings, start=self._rbm, history=self.history_, segments=segments
        )

    def _requested_settings(self) -> Settings:
        given = {name: getattr(self, name) for name in (f.name for f in fields_of(Settings))}
        if self.l1 is None:
            given["l1"] = "auto"
        if self.random_state is None:
            given["random_state"] = new_seed()
        return Settings.named(
            self.recipe, **{name: value for name, value in given.items() if value is not None}
        )

    def _take(self, trained: Trained) -> None:
        self._rbm = replace(trained.rbm, n_threads=self.n_threads)
        self.settings_ = trained.settings
        self.history_ = trained.history
        self.split_ = trained.split
        self.recording_fingerprint_ = trained.recording_fingerprint
        self.stability_ = None
        self.halves_ = None
        self.members_ = None
        self.labels_ = Labels()
        self.versions_ = trained.versions

    # --- conventions ------------------------------------------------------------------------

    def __sklearn_is_fitted__(self) -> bool:
        return self._rbm is not None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_training"}

    def __repr__(self) -> str:
        if self._rbm is None:
            return f"CRBM(n_hidden={self.n_hidden!r}, recipe={self.recipe!r}, not trained)"
        zeros = float(np.mean(self.weights_ == 0))
        return (
            f"CRBM({self.n_neurons:,} neurons, {self.n_assemblies} assemblies, "
            f"{100 * zeros:.1f} % of weights zero)"
        )
