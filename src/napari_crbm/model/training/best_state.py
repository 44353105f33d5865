"""The best state of a training so far, and how often the training went back to an earlier one."""

from __future__ import annotations

from typing import Any

from napari_crbm.model.training.settings import Settings

# A plateau divides the learning rate by this much, and so does every return to the best state.
_SLOWDOWN = 3.0
# How often a training that has diverged returns to its best state.
_RETURNS = 4
#: A training has diverged if its pseudo-likelihood falls to this many times its best value
#: (pseudo-likelihoods are negative).
_FALLEN = 1.5
# How often a training goes back because of a spurious state, and over which share of its updates.
# Rates are there high enough to remove the state, and small again at the end.
_ROUNDS, _UNDONE = 2, 0.35
# A shorter training may be far from its end anyway.
_SHORTEST = 1000


class BestState:
    """Keeps the best parameters so far and lowers the learning rate.

    The rate is lowered when the score has not risen for `patience` evaluations (a plateau), and
    whenever a training that has diverged returns to the best state.

    Attributes
    ----------
    best : dict or None
        Score, update and `Learner.parameters` of the best evaluation.
    on_plateau : float
        By what plateaus have divided the learning rate.
    n_returns : int
        How often the training has returned to its best state.
    n_mended : int
        How often the training went on because its model was spurious.
    message : str
        The last return in words.
    """

    def __init__(self, patience: int) -> None:
        self._patience = patience
        self.best: dict[str, Any] | None = None
        self.on_plateau, self._waited = 1.0, 0
        self.n_returns, self.n_mended, self.message = 0, 0, ""

    @property
    def slowdown(self) -> float:
        """By what the learning rate is divided."""
        return self.on_plateau * _SLOWDOWN**self.n_returns

    def has_fallen(self, score: float) -> bool:
        """Whether a score is so much worse than the best that the training has diverged."""
        return self.best is not None and not score > _FALLEN * self.best["score"]

    def improves(self, score: float) -> bool:
        """Record a score; return whether it is the best, and lower the rate on a plateau."""
        better = self.best is None or score > self.best["score"]
        self._waited = 0 if better else self._waited + 1
        if self._patience and self._waited >= self._patience:
            self.on_plateau, self._waited = _SLOWDOWN * self.on_plateau, 0
        return better

    def keep(self, score: float, update: int, parameters: dict[str, Any]) -> None:
        """Keep parameters as the best."""
        self.best = {"score": score, "update": update, **parameters}

    def return_to_best(self) -> dict[str, Any] | None:
        """Return the best state and lower the rate; None if there is none, or too often."""
        if self.best is None or self.n_returns >= _RETURNS:
            return None
        self.n_returns += 1
        return self.best

    def examines(self, settings: Settings) -> bool:
        """Whether the model is examined for a spurious state at the end of the training."""
        return settings.n_updates >= _SHORTEST

    def mend(self, update: int) -> int | None:
        """Return the update from which a spurious model is trained again; None if too often."""
        if self.n_mended >= _ROUNDS:
            return None
        self.n_mended += 1
        # What was best so far generates the spurious state, too.
        self.best, self.on_plateau, self._waited = None, 1.0, 0
        return round(update * (1 - _UNDONE))

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs."""
        return {
            "best": self.best,
            "plateau": [self.on_plateau, self._waited],
            "rescues": [self.n_returns, self.message],
            "mended": self.n_mended,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from `state`."""
        self.best = state["best"]
        self.on_plateau, self._waited = float(state["plateau"][0]), int(state["plateau"][1])
        self.n_returns, self.message = int(state["rescues"][0]), str(state["rescues"][1])
        # Checkpoints of earlier versions do not say it.
        self.n_mended = int(state.get("mended", 0))
