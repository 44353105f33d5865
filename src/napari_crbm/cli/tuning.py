"""``napari-crbm tuning``: which assemblies follow a stimulus, behaviour or events."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import numpy as np
import typer
from numpy.typing import NDArray

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    AsJson,
    ModelPath,
    RecordingPath,
    counted,
    out,
    print_json,
    progress_bar,
    refuse_without,
    require_choice,
    say,
)
from napari_crbm.cli.formats import TableFormat, table_format
from napari_crbm.cli.members import with_members

if TYPE_CHECKING:
    from napari_crbm.analysis import Course
    from napari_crbm.io.reading.course_tables import EventUnit
    from napari_crbm.recording import Recording

_SHOWN = 10
# Numbers of what the recording and the model hold.
_NEURON, _ASSEMBLY = "neuron:", "assembly:"


def _finite(text: str) -> float:
    """Convert typed text to a number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise typer.BadParameter(f"must be a number; found '{text}'.", param_hint="--above")
    return value


@with_members
@reading.with_options
def tuning(
    model_path: ModelPath,
    recording_path: RecordingPath,
    course: Annotated[
        str | None,
        typer.Option(
            metavar="COURSE",
            help="What assemblies may follow: the name of a stimulus or behaviour trace in the "
            "recording, 'FILE.csv:COLUMN', 'neuron:NUMBER' or 'assembly:NUMBER'. A table has one "
            "row per frame, or a column 'time_s'.",
            show_default=False,
        ),
    ] = None,
    lags: Annotated[
        float,
        typer.Option(
            min=0.0,
            help="Largest lag in seconds: activity may precede or follow the course by this much.",
        ),
    ] = 0.0,
    events: Annotated[
        str | None,
        typer.Option(
            metavar="FILE[:COLUMN]",
            help="Table with the onsets of events, to average activity around them.",
            show_default=False,
        ),
    ] = None,
    events_in: Annotated[
        str | None,
        typer.Option(
            help="Unit of the onsets: 'frames' or 'seconds'.",
            show_default="by the name of the column",
        ),
    ] = None,
    above: Annotated[
        float | None,
        typer.Option(
            help="Events are the times when the course rises above this value.",
            show_default=False,
            parser=_finite,
            metavar="<float>",
        ),
    ] = None,
    before: Annotated[
        float | None, typer.Option(min=0.0, help="Seconds before an event.", show_default="5")
    ] = None,
    after: Annotated[
        float | None, typer.Option(min=0.0, help="Seconds after an event.", show_default="10")
    ] = None,
    shuffles: Annotated[
        int | None,
        typer.Option(
            min=99,
            help="Shifts of the course, and of the events, that the result is compared with.",
            show_default="40 per assembly, at least 1,999",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the shifts.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the tables tuning, tuning_neurons, tuning_regions and triggered.",
        ),
    ] = None,
    file_format: TableFormat = None,
    as_json: AsJson = False,
    *,
    opening: dict[str, Any],
    definition: dict[str, Any],
) -> None:
    """Find assemblies that follow a stimulus or behaviour, or respond to events."""
    from napari_crbm.analysis import (
        assembly_table,
        event_responses,
        export_tuning,
        follow_course,
        tuning_table,
    )
    from napari_crbm.cli.pairing import open_pair

    file_format = table_format(file_format, output)
    _check(course, events, events_in, above)
    refuse_without("--course", course is not None, lags=lags or None, above=above)
    around = events is not None or above is not None
    refuse_without("--events or --above", around, before=before, after=after)
    model, recording = open_pair(model_path, recording_path, opening, definition)
    activity = model.transform(recording.spikes)
    followed = None if course is None else _course(course, recording, activity)
    following = responses = None
    if followed is not None:
        with progress_bar("Shifting the course", "assemblies") as advance:
            following = follow_course(
                model,
                recording,
                followed,
                activity,
                lags_s=lags,
                n_shuffles=shuffles,
                random_state=seed,
                report=advance,
            )
    if around:
        with progress_bar("Averaging", "units") as advance:
            responses = event_responses(
                recording,
                activity,
                _onsets(events, events_in, above, followed, recording),
                before_s=5.0 if before is None else before,
                after_s=10.0 if after is None else after,
                n_shuffles=shuffles,
                random_state=seed,
                report=advance,
            )
    places = assembly_table(model, recording, activity)
    if output is not None:
        paths = export_tuning(following, responses, output, file_format, places=places)
        say(f"Wrote {', '.join(path.name for path in paths)} to {output}.")
    table = tuning_table(following, responses).join(places[["size", "region"]])
    if as_json:
        regions = None if responses is None else responses.region_table.reset_index()
        print_json(
            {
                "course": None if followed is None else followed.name,
                "n_frames": None if following is None else following.n_frames,
                "window_s": None if following is None else following.window_s,
                "n_events": None if responses is None else len(responses.assemblies.events),
                "assemblies": table.reset_index().to_dict(orient="records"),
                "regions": [] if regions is None else regions.to_dict(orient="records"),
            }
        )
        return
    for found in (following, responses):
        if found is not None:
            out.print(str(found), soft_wrap=True)
    p, size = ("p", "r") if following is not None else ("response_p", "response")
    table["size_of_effect"] = -table[size].abs()
    hidden = ["p", "baseline", "response_p", "follows", "size_of_effect"]
    ranked = table.sort_values([p, "size_of_effect"]).drop(columns=hidden, errors="ignore")
    shown = ranked.head(_SHOWN)
    out.print(shown.to_string(float_format=lambda value: f"{value:.3g}"))
    if len(table) > _SHOWN:
        say(f"The first {_SHOWN} of {counted(len(table), 'assembly', 'assemblies')}.")


def _check(
    course: str | None, events: str | None, events_in: str | None, above: float | None
) -> None:
    """Refuse options that ask for nothing or contradict each other."""
    if course is None and events is None:
        raise typer.BadParameter(
            "say what assemblies may follow: --course or --events.", param_hint="--course"
        )
    if events is not None and above is not None:
        raise typer.BadParameter("excludes --above: choose one.", param_hint="--events")
    refuse_without("--events", events is not None, events_in=events_in)
    if events_in is not None:
        require_choice(events_in, ("frames", "seconds"), "--events-in")


def _course(text: str, recording: Recording, activity: NDArray[np.floating]) -> Course:
    """Return the course that was asked for."""
    from napari_crbm.analysis import Course, assembly_course, neuron_course, stored_course
    from napari_crbm.io import read_course
    from napari_crbm.io.reading.course_tables import split_place

    if text in recording.traces:
        return stored_course(recording, text)
    for start in (_NEURON, _ASSEMBLY):
        number = text.removeprefix(start)
        if text.startswith(start):
            if not number.isdecimal():
                raise typer.BadParameter(
                    f"'{text}' needs a whole number after the colon.", param_hint="--course"
                )
            if start == _NEURON:
                return neuron_course(recording, int(number))
            return assembly_course(activity, int(number))
    path, column = split_place(text)
    if column or path.suffix:
        values = read_course(path, column, recording)
        return Course(column or path.stem, values)
    return stored_course(recording, text)


def _onsets(
    events: str | None,
    events_in: str | None,
    above: float | None,
    course: Course | None,
    recording: Recording,
) -> NDArray[np.int64]:
    """Return the frames of the events that were asked for."""
    from napari_crbm.analysis import onsets
    from napari_crbm.io import read_events
    from napari_crbm.io.reading.course_tables import split_place

    if events is None:
        assert course is not None and above is not None
        return onsets(course.values, above, recording.segments)
    path, column = split_place(events)
    return read_events(path, column, recording, cast("EventUnit | None", events_in))
