"""Reproducibility: which assemblies trainings on two disjoint halves of a recording both find.

The halves are blocks of time in turn, with gaps between them at least as long as the activity of
single neurons lasts, so that what chance makes of the frames of one half is not in the other.
An assembly is found in both halves if

- its weights in the two halves are more alike than those of any two assemblies after the neurons
  of one half are relabelled among neurons of the same mean activity, and
- in the frames of each half, the members that the other half gives it are active together beyond
  chance (`napari_crbm.analysis.evidence`). Slow drifts and a common gain also appear in both halves
  but are not assemblies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.analysis.chance import CHANCE_QUANTILE, MIN_SHUFFLES
from napari_crbm.analysis.evidence.assessment import FEWEST_FRAMES, MAX_Q, assembly_evidence
from napari_crbm.analysis.evidence.stretches import stretches
from napari_crbm.analysis.matching.stability import match_units, weight_cosines
from napari_crbm.autocorrelation import autocorrelation_frames
from napari_crbm.errors import ModelError, TrainingCollapsed, TrainingStopped
from napari_crbm.model.estimator.checks import HALVES

if TYPE_CHECKING:
    from napari_crbm.model import CRBM, Control, Settings
    from napari_crbm.recording import Recording

#: Blocks of time that are dealt to the two halves in turn.
N_BLOCKS = 10
# Neurons are relabelled among this many groups of equal size, ordered by mean activity.
_GROUPS = 10
_NAMES = ("first", "second")


@dataclass(frozen=True, eq=False)
class Reproducibility:
    """Assemblies found, and not found, in both halves of a recording.

    Parameters
    ----------
    table : pandas.DataFrame
        Index ``assembly``: of the model in question, or of the first half without one. Columns
        ``first, second`` (its units in the models of the two halves, -1 for none);
        ``similarity`` (absolute cosine between the weights of those two) and ``chance`` (level
        that no pair reaches in 95 of 100 relabellings); ``q`` (the larger false discovery rate
        of the two units, each in the frames of the other half); and ``found``, whether the
        assembly is found in both halves.
    n_frames : (int, int)
        Frames of the halves.
    gap_frames : int
        Frames between them that belong to neither.
    halves : (CRBM or None, CRBM or None)
        The models of the halves; None if the training found no assembly.
    reason : str
        Why no assembly can be found in both halves; empty if they could be compared.
    """

    table: pd.DataFrame
    n_frames: tuple[int, int]
    gap_frames: int
    halves: tuple[CRBM | None, CRBM | None] = field(repr=False)
    reason: str = ""

    @property
    def n_found(self) -> int:
        """Number of assemblies found in both halves."""
        return int(self.table["found"].sum())

    @property
    def n_compared(self) -> int:
        """Number of assemblies with members."""
        return int(self.table["similarity"].notna().sum())

    @property
    def arrays(self) -> dict[str, NDArray[np.float64]]:
        """Columns of the table that a model keeps, each (M,) float64."""
        return {name: self.table[name].to_numpy(dtype=np.float64) for name in HALVES}

    def __str__(self) -> str:
        if self.reason:
            return self.reason
        found, compared = self.n_found, self.n_compared
        frames = f"{self.n_frames[0]:,} and {self.n_frames[1]:,} frames"
        gap = "1 frame" if self.gap_frames == 1 else f"{self.gap_frames:,} frames"
        if not found:
            return (
                f"None of {compared} assemblies is found in both halves of the recording "
                f"({frames}): what a training finds in one half does not appear in the other."
            )
        return (
            f"{found} of {compared} assemblies {'is' if found == 1 else 'are'} found in both "
            f"halves of the recording ({frames}, {gap} apart)."
        )


def half_settings(settings: Settings | None = None) -> Settings:
    """Return settings of trainings on the halves: at most as many updates as the quick recipe.

    That many find the assemblies; the statistics of the halves are not used. The penalty is
    left to the halves, which have fewer frames.
    """
    from napari_crbm.model import Settings

    quick = Settings.named("quick")
    if settings is None:
        return quick
    return replace(
        settings,
        n_updates=min(settings.n_updates, quick.n_updates),
        l1="auto",
        final_learning_rate="auto",
        n_test_blocks=0,
    )


def half_frames(recording: Recording) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Divide a recording into two halves: blocks of time in turn, with gaps between them.

    Returns
    -------
    first, second : int64 arrays
        Frame indices in time order. Blocks do not cross segments; the gaps are as long as
        the activity of single neurons lasts.

    Raises
    ------
    ModelError
        If a half has too few frames to test anything in it.
    """
    from napari_crbm.model.training.split import apart, block_edges

    edges = block_edges(recording.n_frames, N_BLOCKS, recording.segments)
    half = np.repeat(np.arange(len(edges) - 1) % 2, np.diff(edges))
    divided = apart(half, autocorrelation_frames(recording.spikes))
    first, second = np.flatnonzero(divided == 0), np.flatnonzero(divided == 1)
    if min(len(first), len(second)) < FEWEST_FRAMES:
        raise ModelError(
            f"The recording has {recording.n_frames} frames, too few for two halves: each needs "
            f"{FEWEST_FRAMES} frames after gaps are taken out; found {len(first)} and "
            f"{len(second)}. Record for longer."
        )
    return first, second


def reproducibility(
    recording: Recording,
    settings: Settings | None = None,
    *,
    model: CRBM | None = None,
    n_shuffles: int = 2 * MIN_SHUFFLES + 1,
    random_state: int = 0,
    control: Control | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Reproducibility:
    """Train on two disjoint halves of a recording, and say which assemblies both find.

    Parameters
    ----------
    recording : Recording
    settings : Settings, optional
        Of both trainings; the held-out blocks are ignored, since each half is held out from
        the other. By default the quick recipe, with as many assemblies as the model has.
    model : CRBM, optional
        A model of the recording whose assemblies to look for in both halves; otherwise
        the assemblies of the first half are looked for in the second.
    n_shuffles : int
        Relabellings behind the chance level, at least 19.
    random_state : int
        Seed of the relabellings.
    control : Control, optional
        Its `stop` ends the trainings.
    report : callable, optional
        Called with (updates done, updates of both trainings); may raise to cancel.

    Raises
    ------
    ModelError
        If the recording is too short, the settings do not suit it, or the model is of other
        neurons.
    TrainingStopped
        If ``control`` was stopped.

    Examples
    --------
    >>> from napari_crbm.analysis import reproducibility
    >>> from napari_crbm.model import Settings
    >>> found = reproducibility(recording, Settings.named("quick", n_updates=100))
    >>> text = str(found)  # how many assemblies are found in both halves
    """
    if n_shuffles < MIN_SHUFFLES:
        raise ModelError(
            f"A chance level of 5 % needs at least {MIN_SHUFFLES} shuffles; found {n_shuffles}."
        )
    if model is not None and model.n_neurons != recording.n_neurons:
        raise ModelError(
            f"The model has {model.n_neurons:,} neurons, the recording {recording.n_neurons:,}: "
            "open the recording that the model was trained on."
        )
    if settings is None:
        settings = half_settings()
        if model is not None:
            settings = replace(settings, n_hidden=model.n_assemblies)
    settings = replace(settings, n_test_blocks=0)
    frames = half_frames(recording)
    models: list[CRBM | None] = []
    for number in range(2):

        def advance(done: int, total: int, half: int = number) -> None:
            if report is not None:
                report(half * total + done, 2 * total)

        models.append(_trained(recording, settings, frames, number, control, advance))
    return compare_halves(
        recording, (models[0], models[1]), model, frames, n_shuffles, random_state
    )


def _trained(
    recording: Recording,
    settings: Settings,
    frames: tuple[NDArray[np.int64], NDArray[np.int64]],
    number: int,
    control: Control | None,
    report: Callable[[int, int], None],
) -> CRBM | None:
    """Train on one half; the other half is what the model has not seen."""
    from napari_crbm.model import Training

    seen, other = frames[number], frames[1 - number]
    training = Training(
        recording.spikes.select_frames(seen),
        settings,
        control=control,
        segments=stretches(seen),
        coordinates=recording.coordinates,
    )
    try:
        for progress in training:
            report(progress.update, progress.n_updates)
    except TrainingCollapsed:
        return None
    if not training.finished:
        raise TrainingStopped("The trainings on the two halves were stopped: there is no result.")
    half = training.model()
    half.split_ = {"train": seen, "test": other}
    half.recording_fingerprint_ = recording.spikes.fingerprint
    return half


def compare_halves(
    recording: Recording,
    halves: tuple[CRBM | None, CRBM | None],
    model: CRBM | None,
    frames: tuple[NDArray[np.int64], NDArray[np.int64]],
    n_shuffles: int = 2 * MIN_SHUFFLES + 1,
    random_state: int = 0,
) -> Reproducibility:
    """Compare models trained on the two halves of a recording; see `reproducibility`.

    Parameters
    ----------
    recording : Recording
    halves : (CRBM or None, CRBM or None)
        Their `split_` holds the frames of the other half as "test".
    model : CRBM, optional
    frames : (int array, int array)
    n_shuffles, random_state : int
    """
    gap = autocorrelation_frames(recording.spikes)
    sizes = (len(frames[0]), len(frames[1]))
    first, second = halves
    asked = model if model is not None else first
    if first is None or second is None:
        empty = [name for name, half in zip(_NAMES, halves, strict=True) if half is None]
        reason = (
            "No assembly is found in both halves of the recording: the training on the "
            f"{' and the '.join(empty)} half ended with no weights, so that nothing is there to "
            "compare."
        )
        n_units = 0 if asked is None else asked.n_assemblies
        return Reproducibility(_table(n_units), sizes, gap, halves, reason)
    assert asked is not None
    generator = np.random.default_rng(random_state)
    rates = recording.spikes.mean_activity
    match, cosine = match_units(first.weights_, second.weights_)
    chance = chance_level(first.weights_, second.weights_, rates, n_shuffles, generator)
    q = [_q(half, recording) for half in halves if half is not None]
    table = _table(asked.n_assemblies)
    for unit in range(asked.n_assemblies):
        if not np.any(asked.weights_[:, unit]):
            continue
        table.loc[unit, ["similarity", "chance"]] = (0.0, chance)
    if model is None:
        units = np.arange(first.n_assemblies)
        pairs = [(unit, unit, int(match[unit])) for unit in units.tolist() if match[unit] >= 0]
    else:
        pairs = _pairs_of(model, first, second, match, rates, n_shuffles, generator)
    for unit, one, other in pairs:
        if np.isnan(table.loc[unit, "similarity"]):
            continue
        alike = abs(float(cosine[one])) if match[one] == other else 0.0
        worst = float(np.max([q[0][one], q[1][other]]))
        table.loc[unit, ["first", "second", "similarity", "q"]] = (one, other, alike, worst)
        table.loc[unit, "found"] = bool(alike > chance and worst < MAX_Q)
    return Reproducibility(table, sizes, gap, halves)


def chance_level(
    first: NDArray[np.floating],
    second: NDArray[np.floating],
    rates: NDArray[np.floating],
    n_shuffles: int,
    generator: np.random.Generator,
) -> float:
    """Return the similarity that no two assemblies reach in 95 of 100 relabellings.

    Parameters
    ----------
    first, second : (N, M) and (N, M') float arrays
        Weights of two models.
    rates : (N,) float
        Mean activity of the neurons, which are relabelled among those of similar activity.
    n_shuffles : int
    generator : numpy.random.Generator
    """
    order = np.argsort(rates, kind="stable")
    groups = np.array_split(order, min(_GROUPS, len(order)))
    largest = []
    for _ in range(n_shuffles):
        relabelled = np.empty(len(order), dtype=np.int64)
        for group in groups:
            relabelled[group] = generator.permutation(group)
        largest.append(np.abs(weight_cosines(first, second[relabelled])).max())
    return float(np.quantile(largest, CHANCE_QUANTILE, method="weibull"))


def _pairs_of(
    model: CRBM,
    first: CRBM,
    second: CRBM,
    match: NDArray[np.int64],
    rates: NDArray[np.floating],
    n_shuffles: int,
    generator: np.random.Generator,
) -> list[tuple[int, int, int]]:
    """List the assemblies of a model with their units in the two halves.

    Both units must be more like the assembly than chance, and each other's partner; otherwise
    the likeness to the model, which has seen the frames of both, would count.
    """
    units = []
    for half in (first, second):
        partner, cosine = match_units(model.weights_, half.weights_)
        level = chance_level(model.weights_, half.weights_, rates, n_shuffles, generator)
        units.append(np.where(np.abs(cosine) > level, partner, -1))
    return [
        (unit, int(one), int(other))
        for unit, (one, other) in enumerate(zip(*units, strict=True))
        if one >= 0 and other >= 0 and match[one] == other
    ]


def _q(half: CRBM, recording: Recording) -> NDArray[np.float64]:
    """Return the false discovery rates of the units of a half, in the frames of the other."""
    found = assembly_evidence(half, recording)
    return np.asarray(found.table["q"].fillna(1.0), dtype=np.float64)


def _table(n_units: int) -> pd.DataFrame:
    """Return a table in which nothing is found."""
    nothing = np.full(n_units, np.nan)
    table = pd.DataFrame(
        {
            "first": np.full(n_units, -1),
            "second": np.full(n_units, -1),
            "similarity": nothing,
            "chance": nothing,
            "q": nothing,
            "found": np.zeros(n_units, dtype=bool),
        }
    )
    table.index.name = "assembly"
    return table
