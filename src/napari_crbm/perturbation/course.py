"""Predicted responses: the course over seconds that a temporal model expects, with and without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse, stats

from napari_crbm.errors import ModelError
from napari_crbm.perturbation.cautions import never_recorded
from napari_crbm.perturbation.perturbations import Perturbation
from napari_crbm.perturbation.recorded import Recorded
from napari_crbm.regions import Regions
from napari_crbm.temporal import Clamp, Courses, TemporalModel, respond
from napari_crbm.temporal.lags import frames_with_past

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording

#: What every predicted response is, and what it is not.
MEANING_IN_TIME = (
    "Predicted response: the activity that the temporal model expects with the perturbation, minus "
    "that without it. The model learned from a recording without perturbations. It takes a signal "
    "that reaches two assemblies one after the other for an influence of the first."
)
#: Seconds that are predicted, and pasts from which, unless others are asked for.
SECONDS, N_STARTS = 8.0, 16
_LEVEL = 0.95
_TIMES = ("time_s", "without", "with", "change", "low", "high")


@dataclass(frozen=True, eq=False)
class PredictedResponse:
    """Answer of a temporal model to one question.

    Parameters
    ----------
    perturbation : Perturbation
        With its level.
    starts : (S,) int64
        Last recorded frames before the perturbation.
    lasting_s : float
        Seconds that the perturbation lasts.
    assemblies : pandas.DataFrame
        One row for each assembly and time: ``assembly, time_s, without, with, change, low, high``,
        in standard deviations of the recorded activity; ``low, high`` is the interval of 95 % of
        the change over pasts, or with fewer than eight over continuations.
    regions : pandas.DataFrame
        The same for the mean probability of the neurons of each region outside the group;
        ``region`` instead of ``assembly``.
    neurons : pandas.DataFrame
        Index ``neuron``; ``in_group``, and ``without, with, change``: probability to be active,
        mean over the time of the perturbation.
    cautions : tuple of str
    """

    perturbation: Perturbation
    starts: NDArray[np.int64]
    lasting_s: float
    assemblies: pd.DataFrame
    regions: pd.DataFrame
    neurons: pd.DataFrame
    cautions: tuple[str, ...]

    @property
    def strongest(self) -> str:
        """Say which other assembly responds most, by how much and when."""
        table = self.assemblies[self.assemblies["assembly"] != self.perturbation.assembly]
        clear = table[(table["low"] > 0) | (table["high"] < 0)]
        if not len(clear):
            return "No other assembly has a predicted response that differs clearly from zero."
        row = clear.loc[clear["change"].abs().idxmax()]
        return (
            f"Assembly {row['assembly']:.0f} has the largest predicted response: "
            f"{row['change']:+.2f} SD ({row['low']:+.2f} to {row['high']:+.2f}) "
            f"{row['time_s']:.2g} s after the start."
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """All that must be read beside the numbers."""
        return (MEANING_IN_TIME, self.strongest, *self.cautions)


def predicted_response(
    temporal: TemporalModel,
    model: CRBM,
    recording: Recording,
    asked: Perturbation,
    *,
    starts: Sequence[int] | None = None,
    seconds: float = SECONDS,
    lasting_s: float | None = None,
    random_state: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> PredictedResponse:
    """Predict the course of activity with and without a perturbation, from recorded frames on.

    Parameters
    ----------
    temporal : TemporalModel
    model : CRBM
        The model that it was trained from.
    recording : Recording
    asked : Perturbation
        "drive": at least so many neurons are active on average over the continuations.
    starts : sequence of int, optional
        Last recorded frames before the perturbation; by default up to 16 at equal distances,
        held-out ones if there are any.
    seconds : float
        How far to predict.
    lasting_s : float, optional
        How long the perturbation lasts; by default to the end.
    random_state : int
    report : callable, optional
        Called with steps done and steps in all; may raise to cancel.

    Raises
    ------
    ModelError
        If the question does not fit the model, a start has no past, or the temporal model belongs
        to another model.
    """
    if not np.array_equal(temporal.rbm.weights, model.rbm_.weights):
        raise ModelError(
            "The temporal model belongs to another model: its assemblies have other weights. Give "
            "the model that it was trained from."
        )
    interval = temporal.frame_interval_s
    if not (np.isfinite(seconds) and seconds > 0) or (lasting_s is not None and lasting_s <= 0):
        raise ModelError("Seconds to predict, and those that a perturbation lasts, are positive.")
    recorded = Recorded(model, recording.spikes)
    asked = asked.settled(recorded)
    n_frames = max(round(seconds / interval), 1)
    lasting = n_frames if lasting_s is None else min(max(round(lasting_s / interval), 1), n_frames)
    chosen = _starts(temporal, recording, starts)
    outside = np.ones(recording.n_neurons, dtype=bool)
    outside[asked.neurons] = False
    names, groups = _groups(recording.regions, outside)
    found = respond(
        temporal,
        recording.spikes,
        chosen,
        n_frames,
        _clamp(asked, recorded),
        lasting=lasting,
        groups=groups,
        random_state=random_state,
        report=report,
    )
    without, with_it = found.neurons[:, :lasting].mean(axis=1, dtype=np.float64)
    neurons = pd.DataFrame(
        {
            "in_group": ~outside,
            "without": without,
            "with": with_it,
            "change": with_it - without,
        }
    )
    neurons.index.name = "neuron"
    numbers = np.arange(temporal.n_assemblies)
    return PredictedResponse(
        asked,
        chosen,
        lasting * interval,
        _long("assembly", numbers, found, found.assemblies),
        _long("region", np.array(names, dtype=object), found, found.groups),
        neurons,
        _cautions(asked, recorded, temporal),
    )


def _clamp(asked: Perturbation, recorded: Recorded) -> Clamp:
    if asked.kind == "hold":
        return Clamp(asked.neurons, None, asked.assembly, asked.value(recorded))
    return Clamp(asked.neurons, None if asked.kind == "silence" else float(asked.level or 1))


def _starts(
    temporal: TemporalModel, recording: Recording, wanted: Sequence[int] | None
) -> NDArray[np.int64]:
    """Return the frames asked for, or some at equal distances."""
    numbers = recording.frame_numbers
    # The frame itself counts as the first of the past.
    whole = frames_with_past(np.arange(len(numbers)), numbers, temporal.n_lags - 1)
    if wanted is not None:
        asked = np.asarray(wanted, dtype=np.int64)
        if not len(asked):
            raise ModelError("Give at least one frame after which the perturbation begins.")
        lacking = asked[~np.isin(asked, whole)]
        if len(lacking):
            raise ModelError(
                f"The temporal model looks back on {temporal.n_lags} frames, and frame "
                f"{lacking[0]} has fewer before it in its segment. Choose a later frame of the "
                "segment."
            )
        return asked
    test = np.asarray(temporal.split.get("test", np.empty(0)), dtype=np.int64)
    known = np.intersect1d(whole, test) if len(test) else whole
    known = known if len(known) else whole
    if not len(known):
        raise ModelError(
            f"No segment of the recording has the {temporal.n_lags} frames that the temporal "
            "model looks back on."
        )
    return known[np.unique(np.linspace(0, len(known) - 1, N_STARTS).astype(np.int64))]


def _groups(
    regions: Regions | None, outside: NDArray[np.bool_]
) -> tuple[tuple[str, ...], sparse.sparray]:
    """Return names and means of the regions that have neurons outside the group."""
    if regions is None:
        return (), sparse.csr_array((len(outside), 0))
    inside = sparse.csc_array(regions.membership.multiply(outside[:, None]))
    counts = np.asarray(inside.sum(axis=0)).ravel()
    known = np.flatnonzero(counts)
    means = sparse.csr_array(inside[:, known].multiply(1 / counts[known]).astype(np.float32))
    return tuple(regions.names[k] for k in known), means


def _long(
    label: str, names: NDArray[np.generic], found: Courses, values: NDArray[np.float32]
) -> pd.DataFrame:
    """Return one row for each name and time."""
    n_times, n_replicates = values.shape[1:3]
    without, with_it = values.mean(axis=2, dtype=np.float64)
    change = (values[1].astype(np.float64) - values[0]).swapaxes(0, 1)
    reach = np.full(without.shape, np.nan)
    if n_replicates > 1:
        factor = float(stats.t.isf((1 - _LEVEL) / 2, n_replicates - 1))
        reach = factor * change.std(axis=0, ddof=1) / np.sqrt(n_replicates)
    mean = change.mean(axis=0)
    table: dict[str, NDArray[np.generic]] = {
        label: np.repeat(names, n_times),
        "time_s": np.tile(found.times_s, len(names)),
    }
    for name, column in zip(
        _TIMES[1:], (without, with_it, mean, mean - reach, mean + reach), strict=True
    ):
        table[name] = column.T.ravel()
    return pd.DataFrame(table)


def _cautions(asked: Perturbation, recorded: Recorded, temporal: TemporalModel) -> tuple[str, ...]:
    found = []
    if asked.recorded_share(recorded) == 0:
        found.append(f"Outside what was recorded: {never_recorded(asked, recorded)}.")
    if len(asked.neurons) == 1 and asked.kind == "drive":
        found.append(
            "One neuron: that it is active tells the model that its assemblies are on. This is no "
            "prediction of what the stimulation of one neuron does."
        )
    if not temporal.n_couplings:
        found.append(
            "The temporal model couples no assembly to another one: other assemblies change only "
            "because they share neurons or are active in the same frames."
        )
    return tuple(found)
