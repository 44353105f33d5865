"""Log-likelihood of held-out frames under the model and under independent neurons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_crbm.analysis.statistics.held_out import held_out_frames

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording


@dataclass(frozen=True)
class Likelihood:
    """Mean log-likelihood of a held-out frame, in nats.

    Parameters
    ----------
    model, error : float
        Estimate by annealed importance sampling, and its standard error.
    independent : float
        Log-likelihood under independent neurons with the training frames' activity.
    effective_size : float
        Effective number of chains of the estimate.
    reliable : bool
        Whether there are enough effective chains for a meaningful standard error.
    """

    model: float
    error: float
    independent: float
    effective_size: float
    reliable: bool

    @property
    def warning(self) -> str | None:
        """Warning if the estimate is unreliable; None otherwise."""
        if self.reliable:
            return None
        return (
            f"The log-likelihood rests on {self.effective_size:.0f} chains only; its error is not "
            "to be trusted."
        )

    @property
    def verdict(self) -> str:
        """Summary in one sentence."""
        text = (
            f"Log-likelihood {self.model:.2f} ± {self.error:.2f} nats per held-out frame, "
            f"independent neurons {self.independent:.2f}."
        )
        return text if self.warning is None else f"{text} {self.warning}"


def held_out_likelihood(
    model: CRBM,
    recording: Recording,
    *,
    random_state: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Likelihood:
    """Estimate the log-likelihood of the frames a model was not trained on.

    Parameters
    ----------
    model : CRBM
    recording : Recording
        The one the model was trained on.
    random_state : int
    report : callable, optional
        Called with (steps done, all steps); may raise to cancel.

    Raises
    ------
    ModelError
        If the model was trained on all frames, or on another recording.
    """
    from napari_crbm.model import independent_log_likelihood, log_likelihood, log_partition

    train, test = held_out_frames(model, recording.spikes)
    partition = log_partition(model, train, random_state=random_state, report=report)
    return Likelihood(
        model=log_likelihood(model, test, partition),
        error=partition.error,
        independent=independent_log_likelihood(train, test),
        effective_size=partition.effective_size,
        reliable=partition.reliable,
    )
