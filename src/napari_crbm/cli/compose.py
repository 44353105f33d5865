"""``napari-crbm compose``: a figure of several panels, for a journal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    FIGURE_ENDINGS,
    ModelPath,
    RecordingPath,
    progress_bar,
    require_ending,
    require_writable,
    say,
)
from napari_crbm.cli.members import with_members


@with_members
@reading.with_options
def compose(
    model_path: ModelPath,
    recording_path: RecordingPath,
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Figure to write (.pdf, .svg or .png).")
    ],
    panel: Annotated[
        list[str],
        typer.Option(
            help="Panel in reading order; repeatable. Of an assembly: brain:3, trace:3, regions:3, "
            "triggered:3. Of everything: raster, gallery, matrix, population. Of a statistic: "
            "statistic:cov_vv.",
        ),
    ],
    journal: Annotated[
        str, typer.Option(help="Widths and letters of 'nature', 'science', 'cell' or 'jneurosci'.")
    ] = "nature",
    columns: Annotated[
        str, typer.Option(help="Width: 'single', 'middle' (not in Nature) or 'double'.")
    ] = "double",
    font: Annotated[float, typer.Option(min=5.0, max=7.0, help="Largest letters in points.")] = 6.0,
    letters: Annotated[
        bool, typer.Option("--letters/--no-letters", help="Letter the panels, or not.")
    ] = True,
    events: Annotated[
        Path | None,
        typer.Option(help="Table with the onsets of events, for panels triggered:N."),
    ] = None,
    before: Annotated[float, typer.Option(min=0.0, help="Seconds before an event.")] = 5.0,
    after: Annotated[float, typer.Option(min=0.0, help="Seconds after an event.")] = 10.0,
    dark: Annotated[bool, typer.Option("--dark", help="Light on dark.")] = False,
    dpi: Annotated[
        int, typer.Option(min=50, max=2400, help="Resolution of PNG files and of points.")
    ] = 600,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing figure.")] = False,
    *,
    opening: dict[str, Any],
    definition: dict[str, Any],
) -> None:
    """Compose a lettered figure of several panels at the width of a journal's column."""
    from napari_crbm.analysis import event_responses
    from napari_crbm.cli.pairing import open_pair
    from napari_crbm.figures import save_figure
    from napari_crbm.figures.compose import Composition, Panel
    from napari_crbm.figures.compose import compose as composed
    from napari_crbm.figures.sources import source_for
    from napari_crbm.io import read_events

    require_ending(output, FIGURE_ENDINGS)
    composition = Composition(
        tuple(Panel.parse(each) for each in panel),
        journal,
        columns,
        font,
        letters,
        "dark" if dark else "light",
    )
    require_writable(output, force)
    model, recording = open_pair(model_path, recording_path, opening, definition)
    activity = model.transform(recording.spikes)
    responses = None
    if events is not None:
        found = read_events(events, "", recording)
        responses = event_responses(recording, activity, found, before_s=before, after_s=after)
    with progress_bar("Computing", "steps") as advance:
        source = source_for(
            composition, model, recording, activity, responses=responses, report=advance
        )
    figure = composed(composition, source)
    width, height = figure.get_size_inches() * 25.4
    say(f"Wrote {save_figure(figure, output, dpi)} ({width:.0f} x {height:.0f} mm).")
