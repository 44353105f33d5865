"""Ask one or several models, and set the recording and random groups beside the answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.analysis.assemblies.membership import members_of
from napari_crbm.errors import ModelError
from napari_crbm.perturbation.answers import Expected, expected
from napari_crbm.perturbation.between import (
    LEAST_ASSEMBLY_CHANGE,
    LEAST_CHANGE,
    Matched,
    change_table,
)
from napari_crbm.perturbation.cautions import MEANING
from napari_crbm.perturbation.comparison import Agreement, compare_with_recording
from napari_crbm.perturbation.matched import matched_groups
from napari_crbm.perturbation.moments import Change
from napari_crbm.perturbation.perturbations import Kind, Perturbation, drive, hold, silence
from napari_crbm.perturbation.pool import N_CHAINS, N_STATES, Pool, draw_pool
from napari_crbm.perturbation.recorded import Recorded
from napari_crbm.regions import Regions

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording

#: Range of the changes given random groups, as quantiles.
NULL_RANGE = (0.025, 0.975)
#: Fewer random groups give no range.
FEWEST_GROUPS = 20
#: Effective number of states needed for a random group; small, since only the range is used.
ENOUGH_FOR_NULL = 50
#: Models that the uncertainty between models needs.
FEWEST_MODELS = 3

Report = Callable[[str, int, int], None]


@dataclass(frozen=True, eq=False)
class Coactivity:
    """Answer to one question: expected co-activity, and how far to trust it.

    Parameters
    ----------
    results : tuple of Expected
        Of every model, the first one first.
    neurons : pandas.DataFrame
        Index ``neuron``; ``in_group`` and the columns of `between.change_table`.
    assemblies : pandas.DataFrame
        Index ``assembly``; the same columns in standard deviations of the recorded activity, and
        ``null_low``, ``null_high``: range of 95 % of the change given random groups.
    regions : pandas.DataFrame
        Index ``region``; ``n_neurons`` outside the group, the columns of
        `between.change_table` for the mean over these neurons, and the same range.
    agreement : Agreement
        Expected against recorded.
    n_null : int
        Random groups behind the range.
    cautions : tuple of str
    """

    results: tuple[Expected, ...]
    neurons: pd.DataFrame
    assemblies: pd.DataFrame
    regions: pd.DataFrame
    agreement: Agreement
    n_null: int
    cautions: tuple[str, ...]

    @property
    def perturbation(self) -> Perturbation:
        """The perturbation, with its level."""
        return self.results[0].perturbation

    @property
    def extrapolates(self) -> bool:
        """Whether the event lies outside what was recorded, in any model's view."""
        return any(each.extrapolates for each in self.results)

    @property
    def summary(self) -> dict[str, object]:
        """One row about the question and the answer."""
        asked, first = self.perturbation, self.results[0]
        agreement = self.agreement
        return {
            "perturbed": asked.name,
            "kind": asked.kind,
            "event": asked.words,
            "n_neurons": len(asked.neurons),
            "level": asked.level,
            "recorded_share": first.recorded_share,
            "unusual_share": first.unusual_share,
            "extrapolates": self.extrapolates,
            "method": first.method,
            "effective_size": first.effective_size,
            "models": len(self.results),
            "clear_neurons": int((self.neurons["clear"] & ~self.neurons["in_group"]).sum()),
            "mean_change": float(self.neurons.loc[~self.neurons["in_group"], "change"].mean()),
            "held_out": agreement.held_out,
            "event_frames": agreement.n_frames,
            "correlation": agreement.correlation[0],
            "correlation_low": agreement.correlation[1],
            "correlation_high": agreement.correlation[2],
            "slope": agreement.slope[0],
            "slope_low": agreement.slope[1],
            "slope_high": agreement.slope[2],
            "cautions": " ".join(self.cautions),
        }

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that must be read beside the numbers: meaning, cautions, comparison."""
        return (MEANING, *self.cautions, self.agreement.sentence)


def coactivity(
    models: CRBM | Sequence[CRBM],
    recording: Recording,
    perturbations: Perturbation | Sequence[Perturbation],
    *,
    regions: Regions | None = None,
    n_null: int = 0,
    n_states: int = N_STATES,
    n_chains: int = N_CHAINS,
    pool: Pool | None = None,
    random_state: int = 0,
    report: Report | None = None,
) -> list[Coactivity]:
    """Compute the expected co-activity given each event, with errors, warnings and comparisons.

    Parameters
    ----------
    models : CRBM or sequence of CRBM
        Models of the recording; numbers of assemblies refer to the first. The uncertainty between
        models needs at least three, of other seeds or of halves of the recording.
    recording : Recording
    perturbations : Perturbation or sequence of Perturbation
    regions : Regions, optional
        The recording's own by default.
    n_null : int
        Random groups to compare with, of the same size and activities; not for held assemblies.
    n_states, n_chains : int
        States drawn of each model, and the chains that they come from.
    pool : Pool, optional
        States of the first model that were drawn before.
    random_state : int
    report : callable, optional
        Called with (what is done, steps done, steps in all); may raise to cancel.

    Raises
    ------
    ModelError
        If a question does not fit a model, or models are of other neurons.

    Examples
    --------
    >>> from napari_crbm import CRBM
    >>> from napari_crbm.perturbation import coactivity, drive
    >>> model = CRBM(n_hidden=5).fit(recording.spikes)
    >>> group = drive(range(30), name="the first 30 neurons")
    >>> (found,) = coactivity(model, recording, group, n_states=400, n_chains=100)
    >>> found.neurons.loc[40, ["before", "given", "change"]].index.tolist()
    ['before', 'given', 'change']
    """
    listed = list(models) if isinstance(models, Sequence) else [models]
    asked = [perturbations] if isinstance(perturbations, Perturbation) else list(perturbations)
    if not listed or not asked:
        raise ModelError("Give at least one model and one perturbation.")
    regions = recording.regions if regions is None else regions
    seen = [Recorded(model, recording.spikes) for model in listed]
    matches = [Matched(seen[0].rbm, each.rbm) for each in seen[1:]]
    answers: list[dict[int, Expected]] = []
    for number, each in enumerate(seen):
        which = f" of model {number + 1}" if len(seen) > 1 else ""
        if number or pool is None:
            drawn = draw_pool(
                each,
                n_states=n_states,
                n_chains=n_chains,
                random_state=random_state,
                report=_step(report, f"Sampling{which}"),
            )
        else:
            drawn = pool
        questions = {
            k: matches[number - 1].question(q) if number else q for k, q in enumerate(asked)
        }
        known = {k: q for k, q in questions.items() if q is not None}
        step = _step(report, f"Events{which}")
        results = expected(
            each,
            list(known.values()),
            drawn,
            regions=regions,
            random_state=random_state,
            report=step,
        )
        answers.append(dict(zip(known, results, strict=True)))
        if not number:
            pool = drawn
    assert pool is not None
    found = []
    for k in range(len(asked)):
        step = _step(report, "Random groups")
        null = _null(seen[0], answers[0][k], pool, regions, n_null, random_state, step)
        own = [n for n, each in enumerate(answers) if k in each]
        partners = [matches[n - 1] for n in own if n]
        of_models = [answers[n][k] for n in own]
        found.append(
            _answer(of_models, partners, seen[0], regions, null, n_null, len(seen) - len(own))
        )
    return found


def of_assembly(
    model: CRBM, assembly: int, kind: Kind, state: str | float = "on", level: int | None = None
) -> Perturbation:
    """Ask about one assembly: silence or drive its positive members, or hold it.

    Members whose activity is lower while the assembly is on are left out of the group.

    Raises
    ------
    ModelError
        If there is no such assembly, or it has no members.
    """
    name = f"assembly {assembly}"
    if not 0 <= assembly < model.n_assemblies:
        raise ModelError(
            f"There is no assembly {assembly}: the model's assemblies are 0 to "
            f"{model.n_assemblies - 1}."
        )
    if kind == "hold":
        return hold(assembly, state)
    column = members_of(model).strength[:, [assembly]].toarray()[:, 0]
    neurons = np.flatnonzero(column > 0)
    if not len(neurons):
        raise ModelError(f"Assembly {assembly} has no members, so there is nothing to perturb.")
    return silence(neurons, name) if kind == "silence" else drive(neurons, level, name)


def screen_assemblies(
    model: CRBM, kind: Kind, state: str | float = "on", level: int | None = None
) -> list[Perturbation]:
    """Ask about every assembly in turn; those without members are left out."""
    some = members_of(model).strength
    with_members = [k for k in range(model.n_assemblies) if (some[:, [k]].toarray() > 0).any()]
    listed = range(model.n_assemblies) if kind == "hold" else with_members
    return [of_assembly(model, k, kind, state, level) for k in listed]


def screen_regions(
    regions: Regions | None, kind: Kind, min_neurons: int = 5, level: int | None = None
) -> list[Perturbation]:
    """Ask about every region in turn that has enough neurons.

    Raises
    ------
    ModelError
        If there are no such regions, or regions are to be held.
    """
    if kind == "hold":
        raise ModelError("Only assemblies can be held: silence or drive regions.")
    if regions is None or not (regions.counts >= min_neurons).any():
        raise ModelError(
            f"There is no region with at least {min_neurons} neurons in this recording."
        )
    return [
        silence(regions.members(name), name)
        if kind == "silence"
        else drive(regions.members(name), level, name)
        for name, count in zip(regions.names, regions.counts, strict=True)
        if count >= min_neurons
    ]


def _step(report: Report | None, what: str) -> Callable[[int, int], None] | None:
    if report is None:
        return None
    return lambda done, total: report(what, done, total)


def _null(
    recorded: Recorded,
    result: Expected,
    pool: Pool,
    regions: Regions | None,
    n_null: int,
    random_state: int,
    report: Callable[[int, int], None] | None,
) -> list[Expected]:
    """Answer the same question for random groups, each at the level that it shows itself."""
    asked = result.perturbation
    if not n_null or asked.kind == "hold":
        return []
    ask = silence if asked.kind == "silence" else drive
    groups = matched_groups(recorded.spikes, asked.neurons, n_null, random_state)
    return expected(
        recorded,
        [ask(each) for each in groups],
        pool,
        regions=regions,
        clamp=False,
        enough=ENOUGH_FOR_NULL,
        report=report,
    )


def _answer(
    results: list[Expected],
    matches: list[Matched],
    recorded: Recorded,
    regions: Regions | None,
    null: list[Expected],
    n_null: int,
    n_silent: int,
) -> Coactivity:
    first, others = results[0], results[1:]
    group = first.perturbation.neurons
    neurons = change_table(
        first.neurons, [r.neurons.given - r.neurons.before for r in others], LEAST_CHANGE
    )
    neurons.insert(0, "in_group", np.isin(np.arange(len(neurons)), group))
    neurons.index.name = "neuron"
    assemblies = change_table(
        first.assemblies,
        [match.assemblies(r.assemblies) for match, r in zip(matches, others, strict=True)],
        LEAST_ASSEMBLY_CHANGE,
    )
    assemblies.index.name = "assembly"
    by_region = change_table(
        first.regions, [r.regions.given - r.regions.before for r in others], LEAST_CHANGE
    )
    names: tuple[str, ...] = ()
    outside = np.empty(0, dtype=np.int64)
    if regions is not None:
        inside = np.asarray(regions.membership.tocsr()[group].sum(axis=0)).ravel()
        names, outside = regions.names, regions.counts - inside
    by_region.insert(0, "n_neurons", outside)
    by_region.index = pd.Index(names, name="region", dtype=object)
    for table, changes in (
        (assemblies, [each.assemblies for each in null]),
        (by_region, [each.regions for each in null]),
    ):
        table["null_low"], table["null_high"] = _range(changes, len(table))
    agreement = compare_with_recording(first, recorded)
    sentences = [*first.cautions, *([agreement.caution] if agreement.caution else [])]
    for each in others:
        sentences += [s for s in each.cautions if s not in sentences]
    if n_silent:
        sentences.append(
            f"{n_silent} of the models have no assembly that corresponds to "
            f"{first.perturbation.name} and say nothing of it."
        )
    if len(results) < FEWEST_MODELS:
        sentences.append(
            f"{'One model' if len(results) == 1 else 'Two models'}: the intervals show the error "
            f"of chains alone. Give at least {FEWEST_MODELS} models (other seeds, or halves of the "
            "recording) to see how much the result depends on the training."
        )
    if n_null and first.perturbation.kind != "hold" and len(null) < FEWEST_GROUPS:
        sentences.append(
            f"The states drawn answer for {len(null)} random groups; their range needs "
            f"{FEWEST_GROUPS}."
        )
    return Coactivity(
        tuple(results),
        neurons,
        assemblies,
        by_region,
        agreement,
        len(null),
        tuple(sentences),
    )


def _range(changes: list[Change], n_rows: int) -> NDArray[np.float64]:
    """Compute `NULL_RANGE` of the changes of each row, (2, n_rows); NaN for too few groups."""
    if len(changes) < FEWEST_GROUPS:
        return np.full((2, n_rows), np.nan)
    stacked = np.stack([each.given - each.before for each in changes])
    return np.asarray(np.quantile(stacked, NULL_RANGE, axis=0))
