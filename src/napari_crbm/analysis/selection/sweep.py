"""Model selection: trainings over ranges of settings, compared on held-out blocks of time.

A `Sweep` lists the settings to try. Each configuration is trained with each seed on each fold;
a fold holds out blocks of time spread over the recording. `select` chooses a configuration from
the table of results.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd

from napari_crbm.analysis.selection.folds import N_BLOCKS, Folds
from napari_crbm.errors import ModelError
from napari_crbm.model import Settings
from napari_crbm.recording import Recording

# Version of the files of a training; results of other versions are not used.
_RESULTS_VERSION = 3

#: Columns of a table of results: held-out pseudo-likelihood of every block of time.
BLOCKS = tuple(f"block_{k}" for k in range(N_BLOCKS))

#: Settings that define a configuration.
CONFIGURATION = ["n_hidden", "l1", "learning_rate"]


@dataclass(frozen=True)
class Trial:
    """One training of a sweep: a configuration, a seed and the fold that is held out."""

    n_hidden: int | Literal["auto"]
    l1: float | Literal["auto"]
    learning_rate: float
    seed: int
    fold: int


@dataclass(frozen=True)
class Sweep:
    """Settings to try in a sweep.

    Parameters
    ----------
    n_hidden, l1, learning_rate : tuples
        Values to try, all combinations; see `Settings`.
    seeds : tuple of int
    n_folds : int
        Folds of cross-validation, 2 to `N_BLOCKS`.
    n_random : int, optional
        Draw this many configurations at random instead of all combinations, each value
        log-uniformly between the smallest and the largest given.
    random_state : int
        Seed of that draw.
    settings : Settings
        All other settings of the trainings.

    Raises
    ------
    ModelError
        If nothing is to be tried or a value makes no sense.
    """

    n_hidden: tuple[int | Literal["auto"], ...] = ("auto",)
    l1: tuple[float | Literal["auto"], ...] = ("auto",)
    learning_rate: tuple[float, ...] = (Settings().learning_rate,)
    seeds: tuple[int, ...] = (0,)
    n_folds: int = 3
    n_random: int | None = None
    random_state: int = 0
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        for name in (*CONFIGURATION, "seeds"):
            values = getattr(self, name)
            if not values or len(set(values)) != len(values):
                raise ModelError(f"The sweep needs distinct values of {name}; found {values}.")
        if not 2 <= self.n_folds <= N_BLOCKS:
            raise ModelError(f"The number of folds must be 2 to {N_BLOCKS}; found {self.n_folds}.")
        if self.n_random is not None:
            if self.n_random < 1:
                raise ModelError(f"Cannot draw {self.n_random} configurations: ask for at least 1.")
            for name in CONFIGURATION:
                values = getattr(self, name)
                if len(values) > 1 and not all(
                    isinstance(value, int | float) and value > 0 for value in values
                ):
                    raise ModelError(
                        f"A random search needs positive numbers between which to draw {name}; "
                        f"found {values}."
                    )
        for trial in self.trials():
            self.settings_of(trial)

    def trials(self) -> list[Trial]:
        """Return all trainings; those of one configuration follow each other."""
        return [
            Trial(*configuration, seed, fold)
            for configuration in self._configurations()
            for seed, fold in product(self.seeds, range(self.n_folds))
        ]

    def _configurations(self) -> Iterator[tuple[Any, Any, Any]]:
        ranges = [getattr(self, name) for name in CONFIGURATION]
        if self.n_random is None:
            yield from product(*ranges)
            return
        generator = np.random.default_rng(self.random_state)
        for _ in range(self.n_random):
            drawn = [
                values[0]
                if len(values) == 1
                else float(np.exp(generator.uniform(*np.log([min(values), max(values)]))))
                for values in ranges
            ]
            n_hidden = drawn[0] if isinstance(drawn[0], str) else round(drawn[0])
            yield n_hidden, drawn[1], drawn[2]

    def settings_of(self, trial: Trial) -> Settings:
        """Return the settings of one training, on the frames outside its fold."""
        return replace(
            self.settings,
            n_hidden=trial.n_hidden,
            l1=trial.l1,
            learning_rate=trial.learning_rate,
            random_state=trial.seed,
            n_test_blocks=0,
        )

    def settings_of_selected(self, configuration: dict[str, Any]) -> Settings:
        """Return the settings of the final training, which holds out the blocks of `settings`."""
        plain: dict[str, Any] = {
            name: value if isinstance(value, str) else kind(value)
            for (name, value), kind in zip(configuration.items(), (int, float, float), strict=True)
        }
        return replace(self.settings, **plain, random_state=self.seeds[0])

    def folds(self, recording: Recording) -> Folds:
        """Return the frames of the folds; the test blocks of the final training are in none.

        Raises
        ------
        ModelError
            If the recording is too short.
        """
        final = replace(self.settings, random_state=self.seeds[0])
        return Folds.of(recording, final, self.n_folds)

    def key(self, trial: Trial, fingerprint: str) -> str:
        """Return the name of a training's files, equal for equal settings and recording."""
        settings = self.settings_of(trial).as_dict()
        settings["n_test_blocks"] = self.settings.n_test_blocks
        # Neither changes the result.
        settings.pop("n_threads")
        text = json.dumps(
            [_RESULTS_VERSION, settings, asdict(trial), self.n_folds, fingerprint],
            sort_keys=True,
            default=float,
        )
        return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, eq=False)
class Selection:
    """Configuration that a sweep selects.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per configuration: `CONFIGURATION`, ``mean`` (held-out pseudo-likelihood),
        ``deficit`` (to the best one not excluded), ``standard_error`` (of the deficit, over
        blocks of time), ``fitted_n_hidden, fitted_l1`` (means of the values of "auto"),
        ``spare_units`` (idle or duplicate, mean over trainings), ``failed`` (trainings),
        ``selected`` and, once it is measured, ``stable`` (see `stable_units`).
    rule : str
        The rule in words.
    """

    table: pd.DataFrame
    rule: str

    @property
    def chosen(self) -> pd.Series[Any]:
        """The selected row of the table."""
        return self.table[self.table["selected"]].iloc[0]

    @property
    def configuration(self) -> dict[str, Any]:
        """The selected `n_hidden`, `l1` and `learning_rate`."""
        return {name: self.chosen[name] for name in CONFIGURATION}

    @property
    def verdict(self) -> str:
        """Summary of the selection and its reliability, in a few sentences."""
        row = self.chosen
        text = (
            f"{row['fitted_n_hidden']:.0f} hidden units with a penalty of "
            f"{row['fitted_l1']:.3g} are enough: of the configurations with few idle or duplicate "
            "units, none predicts held-out time better by more than one standard error."
        )
        back = row.get("stable", float("nan"))
        if np.isfinite(back):
            text += (
                f" On average {back:.1f} of them are found again in trainings of other folds, "
                "which share frames if there are more than two folds."
            )
            if back < _FEW_STABLE * row["fitted_n_hidden"]:
                text += " That is few: the other units depend on which frames are used."
        tried = self.table["fitted_n_hidden"]
        if len(tried.round().unique()) > 1:
            for end, word in ((tried.max(), "more"), (tried.min(), "fewer")):
                if row["fitted_n_hidden"] == end:
                    text += f" This number is at the end of the range tried: try {word}, too."
        return text


# Below this share of stable assemblies the summary gives a warning.
_FEW_STABLE = 0.6

# Above this share of idle or duplicate hidden units a model is larger than the recording needs.
_MOST_SPARE = 0.1

RULE = (
    "Configurations with a failed training are excluded, and those with more than one idle or "
    "duplicate hidden unit in ten, unless all have so many. Configurations whose held-out "
    "pseudo-likelihood lies within one standard error of the best (paired over ten blocks of time, "
    "seeds averaged) count as equal. The one with the fewest hidden units is selected; then the "
    "strongest penalty decides, then the lowest learning rate."
)


def select(results: pd.DataFrame) -> Selection:
    """Apply the one-standard-error rule (`RULE`) to a table of results.

    All models predict some blocks of time better than others; the standard error is therefore
    that of the difference to the best configuration, over blocks. Each block was held out
    once. A model with several units for one assembly can predict slightly better than one with
    a single unit; duplicate units therefore mark a model as too large.

    Raises
    ------
    ModelError
        If no configuration was trained without failure.
    """
    rows, by_block = [], []
    for configuration, group in results.groupby(CONFIGURATION, sort=False):
        failed = int((group["status"] != "finished").sum())
        scores = group[list(BLOCKS)].mean(axis=0)
        by_block.append(scores)
        rows.append(
            {
                **dict(zip(CONFIGURATION, configuration, strict=True)),
                "mean": scores.mean() if not failed else np.nan,
                "fitted_n_hidden": group["fitted_n_hidden"].mean(),
                "fitted_l1": group["fitted_l1"].mean(),
                "spare_units": (group["idle_units"] + group["duplicate_units"]).mean(),
                "failed": failed,
            }
        )
    table = pd.DataFrame(rows)
    if table["mean"].isna().all():
        raise ModelError(
            "No configuration of the sweep could be trained on every fold; the column 'message' "
            "of the results says why."
        )
    fit = table["mean"].notna()
    needed = table["spare_units"] <= _MOST_SPARE * table["fitted_n_hidden"]
    if (fit & needed).any():
        fit &= needed
    best = int(table["mean"].where(fit).idxmax())
    differences = [by_block[best] - scores for scores in by_block]
    table["deficit"] = [difference.mean() for difference in differences]
    table["standard_error"] = [
        difference.std(ddof=1) / np.sqrt(difference.count()) for difference in differences
    ]
    near = fit & ~(table["deficit"] > table["standard_error"].fillna(0))
    ranked = table[near].sort_values(
        ["fitted_n_hidden", "fitted_l1", "learning_rate"], ascending=[True, False, True]
    )
    table["selected"] = table.index == ranked.index[0]
    return Selection(table, RULE)
