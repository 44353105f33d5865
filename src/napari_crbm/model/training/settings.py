"""Everything that decides how a model is trained, in one frozen record."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from napari_crbm.errors import ModelError
from napari_crbm.spikes import Spikes

# The sparse penalty in standard errors of a neuron-assembly covariance.
_PENALTY = 3.0
# Last learning rates of small and of large models.
_FINAL, _FINAL_OF_LARGE = 1e-5, 1e-6


def _is_count(value: object) -> bool:
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and int(value) > 0


@dataclass(frozen=True)
class Settings:
    """Settings of persistent contrastive divergence (paper, Methods).

    Parameters
    ----------
    n_hidden : int or "auto"
        Hidden units M; "auto" counts significant directions of variation, and adds a
        quarter as long as the model stays small (see `model.training.weight_selection`).
        In large ones it also looks for assemblies in what the first leave over. At most 200.
    l1 : float or "auto"
        Sparse penalty; "auto" scales it to the recording, see `default_l1`. Weights
        that the recording supports from the start pay a quarter of it, so that members
        are hardly shrunk while chance weights are held at zero.
        In large models (see `model.training.weight_selection`) further weights must also
        exceed what chance does, however small the penalty.
    n_updates : int
        Parameter updates.
    learning_rate : float
        Constant at first, then geometric decay to the final value.
    final_learning_rate : float or "auto"
        "auto" suits the size of the model, see `default_final_learning_rate`.
    warm_up : float
        Fraction of the updates over which the learning rate rises from a hundredth. Steps
        are scaled by the gradients seen so far, and all weights of an assembly move
        together: full steps at once drive all assemblies on, and gradients of that size
        then slow down training for a thousand updates.
    decay_after : float
        Fraction of the updates after which the decay starts.
    batch_size, n_chains : int
        Recorded frames, and model chains, behind every gradient.
    gibbs_steps : int
        Steps of every chain between updates.
    jumps : bool
        Whether hidden units may also jump between their states, alone or a few together
        (see `model.sampling.jumps`). Without, chains hardly ever switch a large assembly on or off.
    restarts : float
        Share of the chains that start anew at an update, from several recorded frames
        laid over each other, so that states no recording shows cannot hide in the model.
        It falls with the learning rate, since some such states are reached by chains only
        that have run for long. In large models (see `model.training.weight_selection`) it
        is half the share,
        and other chains start from no frame or from independent neurons, so that assemblies
        which hardly switch by themselves are on as often as they should be.
    renew : bool
        Whether hidden units that add nothing begin anew while the training forms
        assemblies, from what the others leave unexplained (see `model.training.reinitialisation`).
    patience : int
        The learning rate falls to a third whenever the held-out pseudo-likelihood has not
        risen for so many of the training's sixty evaluations, and training ends when it
        has come down to its final value; the best model on the way is kept. 0: the
        schedule alone decides.
    l1_ramp : float
        Fraction of the updates over which the penalty grows to its full strength, so
        that it cannot win before assemblies have formed.
    initialisation : {"assemblies", "random"}
        Start from rotated principal components, or from tiny random weights as the
        paper does. Random starts can end with all weights zero.
    second_moment_decay, epsilon : float
        Constants of RMSprop.
    n_test_blocks : int
        Of ten blocks of time, how many are held out (see `split_blocks`).
    random_state : int
    n_threads : int, optional
        All cores by default; the result does not depend on it.
    device : {"cpu", "gpu", "auto"}
        Where to compute: on the processor, on an NVIDIA GPU, or on a GPU if there is one.
        Both draw the same random numbers; their results differ by rounding, which grows as
        chains part. The GPU needs the extra ``gpu`` and has not been tried on hardware yet.
    """

    n_hidden: int | str = "auto"
    l1: float | str = "auto"
    n_updates: int = 3500
    learning_rate: float = 3e-3
    final_learning_rate: float | str = "auto"
    warm_up: float = 0.05
    decay_after: float = 0.3
    batch_size: int = 100
    n_chains: int = 200
    gibbs_steps: int = 3
    jumps: bool = True
    restarts: float = 0.004
    renew: bool = True
    patience: int = 0
    l1_ramp: float = 0.1
    initialisation: str = "assemblies"
    second_moment_decay: float = 0.999
    epsilon: float = 1e-6
    n_test_blocks: int = 3
    random_state: int = 0
    n_threads: int | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.n_hidden != "auto" and not _is_count(self.n_hidden):
            raise ModelError(
                f"n_hidden must be a positive whole number or 'auto'; found {self.n_hidden!r}."
            )
        if self.l1 != "auto" and (isinstance(self.l1, str) or not self.l1 >= 0):
            raise ModelError(f"l1 must be zero or more, or 'auto'; found {self.l1!r}.")
        for name in ("n_updates", "batch_size", "n_chains", "gibbs_steps"):
            if not _is_count(getattr(self, name)):
                raise ModelError(
                    f"{name} must be a positive whole number; found {getattr(self, name)!r}."
                )
        final = self.final_learning_rate
        if isinstance(final, str):
            if final != "auto":
                raise ModelError(
                    f"final_learning_rate must be a number or 'auto'; found {final!r}."
                )
            final = self.learning_rate
        if not 0 < final <= self.learning_rate:
            raise ModelError(
                "Learning rates must satisfy 0 < final_learning_rate <= learning_rate; found "
                f"{final} and {self.learning_rate}."
            )
        for name in ("warm_up", "decay_after", "l1_ramp", "restarts"):
            if not 0 <= getattr(self, name) < 1:
                raise ModelError(f"{name} must lie in [0, 1); found {getattr(self, name)}.")
        if not isinstance(self.patience, int) or self.patience < 0:
            raise ModelError(f"patience must be a whole number, 0 or more; found {self.patience}.")
        if self.initialisation not in ("assemblies", "random"):
            raise ModelError(
                f"initialisation must be 'assemblies' or 'random'; found {self.initialisation!r}."
            )
        if not 0 <= self.n_test_blocks < 10:
            raise ModelError(f"n_test_blocks must lie in 0 to 9; found {self.n_test_blocks}.")
        if self.device not in ("cpu", "gpu", "auto"):
            raise ModelError(f"device must be 'cpu', 'gpu' or 'auto'; found {self.device!r}.")

    @classmethod
    def named(cls, recipe: str, **overrides: Any) -> Settings:
        """A named recipe with some fields replaced.

        ``"default"`` suits most recordings; ``"quick"`` is for a first look;
        ``"paper"`` is the published recipe (200 hidden units, l1 0.02, 200,000
        updates from random weights), whose penalty suits whole-brain recordings of
        4 % activity and sets all weights to zero on sparser ones.

        Raises
        ------
        ModelError
            If the recipe or a field does not exist, or a value makes no sense.
        """
        if recipe not in RECIPES:
            raise ModelError(f"No recipe '{recipe}'; there are {', '.join(sorted(RECIPES))}.")
        unknown = set(overrides) - {f.name for f in fields(cls)}
        if unknown:
            raise ModelError(
                f"No training setting '{sorted(unknown)[0]}'; there are "
                f"{', '.join(f.name for f in fields(cls))}."
            )
        return replace(RECIPES[recipe], **overrides)

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for files and tables."""
        return asdict(self)


RECIPES = {
    "default": Settings(),
    "quick": Settings(n_updates=1500),
    "paper": Settings(
        n_hidden=200,
        l1=0.02,
        n_updates=200_000,
        learning_rate=5e-3,
        final_learning_rate=1e-5,
        n_chains=100,
        warm_up=0.0,
        decay_after=0.25,
        gibbs_steps=15,
        jumps=False,
        restarts=0.0,
        renew=False,
        l1_ramp=0.0,
        initialisation="random",
        n_test_blocks=0,
    ),
}


def standard_error(spikes: Spikes) -> float:
    """By how much a neuron-assembly covariance is off by chance, of a neuron of average variance.

    With a hidden unit of unit variance and T frames it is sqrt(v (1 - v) / T).
    """
    v = spikes.mean_activity
    return float(np.sqrt(np.mean(v * (1 - v)) / spikes.n_frames))


def default_l1(spikes: Spikes) -> float:
    """Penalty scaled to a recording: what a neuron-assembly covariance could be by chance.

    The weight gradient is such a covariance. A penalty of three times its `standard_error` keeps
    out most of what chance produces, also where slow activity makes chance larger than the
    number of frames suggests; less activity or more frames call for less of it.
    """
    return _PENALTY * standard_error(spikes)


def default_final_learning_rate(large: bool, learning_rate: float) -> float:
    """Last rate for a model of that size (see `model.training.weight_selection`).

    A step moves all members of an assembly, so that chains follow the steps and agree with the
    recording although the model does not; the more so, the larger assemblies are. In large models
    rates must become smaller before the chains are the model's own. A small model trained so
    has kept a state that no recording shows.
    """
    return min(_FINAL_OF_LARGE if large else _FINAL, learning_rate)


def check_against(settings: Settings, spikes: Spikes) -> None:
    """Refuse settings that make no sense for a recording, in words."""
    if isinstance(settings.n_hidden, int) and settings.n_hidden > spikes.n_neurons:
        raise ModelError(
            f"{settings.n_hidden} hidden units for {spikes.n_neurons} neurons: use fewer "
            "hidden units than neurons (a few per hundred neurons is usual)."
        )
    if not spikes.frame_counts.any():
        raise ModelError("No neuron is active in any frame, so there is nothing to learn.")
