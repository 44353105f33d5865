"""Settings of a training, each declared once: type, range, unit, default and help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Annotated, Any, Literal

import numpy as np

from napari_crbm.declarations import Setting, check, documented
from napari_crbm.errors import ModelError, SettingError
from napari_crbm.spikes import Spikes

# The sparse penalty in standard errors of a neuron-assembly covariance. The selection of weights
# keeps out chance; with 3.0 the penalty alone would, but models explain less.
_PENALTY = 0.75
#: Last learning rate, unless the first is lower. A step moves all members of an assembly, so that
#: chains follow the steps and agree with the recording although the model does not. Rates must
#: become this small before the chains are the model's own.
FINAL_LEARNING_RATE = 1e-6
# Settings of earlier versions.
_REMOVED = {"jumps", "restarts", "renew", "l1_ramp"}

#: Settings that every training has.
Seed = Annotated[
    int,
    Setting(
        "Seed of all random numbers. The same seed gives the same model.",
        ge=0,
        label="Seed",
        option="seed",
    ),
]
Threads = Annotated[
    int | None,
    Setting(
        "Number of threads; 0 for all cores. The result does not depend on it.",
        ge=0,
        label="Threads",
        option="threads",
        absent="all cores",
    ),
]


@documented
@dataclass(frozen=True)
class Settings:
    """Settings of persistent contrastive divergence (paper, Methods).

    `napari_crbm.declarations.declared` lists them.

    Raises
    ------
    SettingError
        If a value has a wrong type, is out of its range or contradicts another.
    """

    n_hidden: Annotated[
        int | Literal["auto"],
        Setting(
            "Number of assemblies (hidden units) to look for. 'auto' counts the directions in "
            "which the neurons of the recording vary together beyond chance.",
            ge=1,
            label="Assemblies",
            details="'auto' also looks for assemblies in what the first ones leave over, and finds "
            "at most 200.",
        ),
    ] = "auto"
    l1: Annotated[
        float | Literal["auto"],
        Setting(
            "Sparse penalty: larger values give smaller assemblies. 'auto' scales it to the "
            "recording.",
            ge=0,
            label="Penalty (l1)",
            details="'auto' is 0.75 standard errors of a neuron-assembly covariance, see "
            "`default_l1`. Weights that the training does not start with must also exceed chance "
            "among all hidden units, however small the penalty.",
        ),
    ] = "auto"
    n_updates: Annotated[
        int,
        Setting(
            "Number of parameter updates. More take longer and fit more closely.",
            ge=1,
            label="Updates",
            option="updates",
        ),
    ] = 3500
    learning_rate: Annotated[
        float,
        Setting(
            "Initial learning rate. It stays constant first and then decays geometrically.",
            gt=0,
        ),
    ] = 3e-3
    final_learning_rate: Annotated[
        float | Literal["auto"],
        Setting(
            "Learning rate of the last update. 'auto' is 1e-6, at most the initial one.",
            gt=0,
            group="rare",
        ),
    ] = "auto"
    warm_up: Annotated[
        float,
        Setting(
            "Fraction of the updates over which the learning rate rises from a hundredth of its "
            "initial value.",
            ge=0,
            lt=1,
            group="rare",
            details="RMSprop scales steps by the gradients seen so far, and all weights of an "
            "assembly move together. Full steps at once would switch all assemblies on, and the "
            "large gradients would slow the training down for a thousand updates.",
        ),
    ] = 0.05
    decay_after: Annotated[
        float,
        Setting(
            "Fraction of the updates after which the learning rate starts to decay.",
            ge=0,
            lt=1,
            group="rare",
        ),
    ] = 0.3
    batch_size: Annotated[
        int, Setting("Number of recorded frames behind every gradient.", ge=1, group="rare")
    ] = 100
    n_chains: Annotated[
        int,
        Setting(
            "Number of persistent Markov chains behind every gradient.",
            ge=1,
            label="Chains",
            option="chains",
        ),
    ] = 200
    gibbs_steps: Annotated[
        int, Setting("Number of Gibbs steps of every chain between updates.", ge=1)
    ] = 15
    patience: Annotated[
        int,
        Setting(
            "Lower the learning rate to a third when the pseudo-likelihood of validation frames "
            "has not risen for this many of sixty evaluations, stop when it reaches its final "
            "value, and keep the best model. 0: never.",
            ge=0,
            details="The validation frames are one block of time, apart from the held-out blocks "
            "on which the model is judged; it is not trained on.",
        ),
    ] = 0
    initialisation: Annotated[
        Literal["assemblies", "random"],
        Setting(
            "Start from rotated principal components ('assemblies') or from small random weights "
            "('random', as published).",
            group="rare",
            details="Random starts can end with all weights zero.",
        ),
    ] = "assemblies"
    second_moment_decay: Annotated[
        float,
        Setting(
            "Decay of the running mean of squared gradients (RMSprop).", ge=0, lt=1, group="rare"
        ),
    ] = 0.999
    epsilon: Annotated[
        float,
        Setting("Constant added to the denominator of RMSprop.", ge=0, group="rare"),
    ] = 1e-6
    n_test_blocks: Annotated[
        int,
        Setting(
            "Number of held-out blocks, of ten blocks of time.",
            ge=0,
            le=9,
            label="Held-out blocks",
            option="test-blocks",
            details="See `model.training.split.split_blocks`.",
        ),
    ] = 3
    test_choice: Annotated[
        Literal["spread", "alike"],
        Setting(
            "Which blocks are held out: blocks at equal distances with the last one at the end of "
            "the recording, so that drift shows ('spread'), or blocks whose activity is like that "
            "of the others, as published ('alike').",
            label="Choice of blocks",
            group="rare",
        ),
    ] = "spread"
    random_state: Seed = 0
    n_threads: Threads = None
    device: Annotated[
        Literal["cpu", "gpu", "auto"],
        Setting(
            "Where to compute: on the processor ('cpu'), on an NVIDIA GPU ('gpu', experimental), "
            "or on a GPU if there is one ('auto').",
            details="Both draw the same random numbers; their results differ by rounding, which "
            "grows as chains part. The GPU needs the extra ``gpu``.",
        ),
    ] = "cpu"

    def __post_init__(self) -> None:
        check(self)
        final = self.final_learning_rate
        if not isinstance(final, str) and final > self.learning_rate:
            raise SettingError(
                "{final_learning_rate} must not exceed {learning_rate}; found {final} and {first}.",
                {"final": f"{final:g}", "first": f"{self.learning_rate:g}"},
            )

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

    @classmethod
    def restored(cls, stored: Mapping[str, Any]) -> Settings:
        """Return the settings that a file holds, without those that no longer exist.

        Raises
        ------
        TypeError
            If one of them has never existed.
        SettingError
            If a value makes no sense.
        """
        return cls(**{name: value for name, value in stored.items() if name not in _REMOVED})

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
        initialisation="random",
        n_test_blocks=0,
        test_choice="alike",
    ),
}


def standard_error(spikes: Spikes) -> float:
    """By how much a neuron-assembly covariance is off by chance, of a neuron of average variance.

    With a hidden unit of unit variance and T frames it is sqrt(v (1 - v) / T).
    """
    v = spikes.mean_activity
    return float(np.sqrt(np.mean(v * (1 - v)) / spikes.n_frames))


def default_l1(spikes: Spikes) -> float:
    """Penalty scaled to a recording: three quarters of a `standard_error`.

    The weight gradient is a covariance of a neuron and an assembly. Less activity or more frames
    call for a smaller penalty.
    """
    return _PENALTY * standard_error(spikes)


def check_against(settings: Settings, spikes: Spikes) -> None:
    """Refuse settings that make no sense for a recording, in words."""
    if isinstance(settings.n_hidden, int) and settings.n_hidden > spikes.n_neurons:
        raise ModelError(
            f"{settings.n_hidden} hidden units for {spikes.n_neurons} neurons: use fewer "
            "hidden units than neurons (a few per hundred neurons is usual)."
        )
    if not spikes.frame_counts.any():
        raise ModelError("No neuron is active in any frame, so there is nothing to learn.")
