"""What the *Tuning* dock asks, and the computation of the answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.errors import CRBMError, RecordingError
from napari_crbm.model.compute.two_groups import active_threshold

if TYPE_CHECKING:
    from napari_crbm.analysis import Course, Following, Responses
    from napari_crbm.recording import Recording
    from napari_crbm.viewer.state.trained import Trained

Report = Callable[[int, int], None]
#: A column of a table.
Place = tuple[Path, str]


@dataclass(frozen=True)
class Question:
    """A course, the largest lag, and the events to average around.

    Parameters
    ----------
    course : str, int or Place
        Name of a stored trace, number of a neuron or an assembly, or column of a table.
    kind : {"trace", "table", "neuron", "assembly"}
    lags_s : float
    events : {"none", "rises"} or Place
        Rises of the course, or onsets in a table.
    above : float, optional
        Value above which the course rises; by default midway between its two levels.
    before_s, after_s : float
        Around an event.
    """

    kind: str
    course: str | int | Place
    lags_s: float
    events: str | Place
    above: float | None
    before_s: float
    after_s: float


@dataclass(frozen=True, eq=False)
class Answer:
    """Correlation with the course, and averages around events if there are any."""

    following: Following
    responses: Responses | None
    #: Which events were used, or why there is no average.
    note: str

    @property
    def headline(self) -> str:
        """The result in one line of rich text, or the reason why there is no average."""
        followed, responses = self.following, self.responses
        text = (
            f"<b>{followed.n_following} of {len(followed.table)} assemblies follow "
            f"{followed.course.name}</b> (q below 0.05)"
        )
        if responses is not None:
            text += f"; {responses.n_responding} respond to {responses.n_events:,} events"
        return f"{text}." + (f" {self.note}" if responses is None else "")

    @property
    def sentences(self) -> str:
        """The result in words, with how it was found."""
        parts = [str(self.following), self.note]
        if self.responses is not None:
            parts.append(str(self.responses))
        return " ".join(part for part in parts if part)

    def table(self, regions: pd.Series) -> pd.DataFrame:
        """Return one row per assembly, smallest p first, with the regions of assemblies."""
        from napari_crbm.analysis import tuning_table

        table = tuning_table(self.following, self.responses)
        table["region"] = regions
        table["found"] = table["follows"].map({True: "yes", False: ""})
        size = -table["r"].abs()
        return table.assign(size=size).sort_values(["p", "size"]).reset_index()


def answer(question: Question, trained: Trained, recording: Recording, report: Report) -> Answer:
    """Find what follows the course; ``report`` may raise to cancel."""
    from napari_crbm.analysis import event_responses, follow_course

    course = _course(question, trained, recording)
    following = follow_course(
        trained.model, recording, course, trained.activity, lags_s=question.lags_s, report=report
    )
    if question.events == "none":
        return Answer(following, None, "")
    try:
        events, note = _events(question, course, recording)
        responses = event_responses(
            recording,
            trained.activity,
            events,
            before_s=question.before_s,
            after_s=question.after_s,
            report=report,
        )
    except CRBMError as error:
        return Answer(following, None, f"No average around events: {error}")
    return Answer(following, responses, note)


def _course(question: Question, trained: Trained, recording: Recording) -> Course:
    from napari_crbm.analysis import Course, assembly_course, neuron_course, stored_course
    from napari_crbm.io import read_course

    asked = question.course
    if isinstance(asked, tuple):
        path, column = asked
        return Course(column or path.stem, read_course(path, column, recording))
    if isinstance(asked, str):
        return stored_course(recording, asked)
    if question.kind == "neuron":
        return neuron_course(recording, asked)
    return assembly_course(trained.activity, asked)


def _events(
    question: Question, course: Course, recording: Recording
) -> tuple[NDArray[np.int64], str]:
    from napari_crbm.analysis import onsets
    from napari_crbm.io import read_events

    if isinstance(question.events, tuple):
        path, column = question.events
        return read_events(path, column, recording), f"Events are the onsets in {path.name}."
    known = course.values[np.isfinite(course.values)]
    if not len(known):
        raise RecordingError(f"Course {course.name} is known in no frame.")
    above = question.above
    if above is None:
        above = float(active_threshold(known[:, None].astype(np.float64))[0])
    events = onsets(course.values, above, recording.segments)
    return events, f"Events: {course.name} rises above {above:.3g}."
