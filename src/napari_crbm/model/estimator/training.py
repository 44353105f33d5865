"""A training that can be followed, paused and resumed, and whose models are estimators."""

from __future__ import annotations

from napari_crbm.model.estimator.crbm import CRBM
from napari_crbm.model.training.run import TrainingRun


class Training(TrainingRun):
    """One training of one model: iterate to advance it, then ask for the model.

    Parameters
    ----------
    spikes : Spikes
        The whole recording; held-out blocks of time are chosen here.
    settings : Settings
        Fields that are "auto" are decided from the recording, see `Settings`.
        Of a resumed training only ``device`` counts, which may be another than before.
    control : Control, optional
        For pause and stop from another thread.
    resume : dict, optional
        State from `checkpoint`; training then continues bit for bit.
    segments : sequence of (int, int), optional
        `Recording.segments`: neither held-out blocks nor the shifts behind the number of
        assemblies cross their borders.
    coordinates : (N, D) array, optional
        Positions of the neurons in micrometres. With them optical crosstalk between close
        neighbours is not counted as assemblies.

    Raises
    ------
    ModelError
        If the settings do not suit the recording, or the checkpoint belongs to another one.

    Examples
    --------
    >>> from napari_crbm.model import Settings, Training
    >>> training = Training(spikes, Settings.named("quick"))
    >>> for progress in training:
    ...     share_done = progress.update / progress.n_updates
    >>> model = training.model()
    """

    def model(self) -> CRBM:
        """Return the latest model, standardised on the training frames; training can go on.

        A finished training with `Settings.patience` returns its `best_model`.
        """
        return CRBM.from_training(self.result())

    def best_model(self) -> CRBM:
        """Return the model with the best pseudo-likelihood so far.

        Validation frames decide, or training frames if there are none.
        """
        return CRBM.from_training(self.best_result())
