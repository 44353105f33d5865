"""``napari-crbm directions``: which assemblies predict which others, and when."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    FIGURE_ENDINGS,
    AsJson,
    RecordingPath,
    out,
    print_json,
    progress_bar,
    require_ending,
    say,
)
from napari_crbm.cli.forecast import TemporalPath, open_temporal
from napari_crbm.cli.formats import TableFormat, table_format

_LISTED = 15


@reading.with_options
def directions(
    temporal_path: TemporalPath,
    recording_path: RecordingPath,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for the tables directions and lags."),
    ] = None,
    file_format: TableFormat = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw matrices and arrows to this .pdf, .svg or .png.")
    ] = None,
    decay: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="Remove the decay of an indicator with this time constant (s) from the activity "
            "of assemblies first; for activity that was not deconvolved.",
            show_default="none",
        ),
    ] = None,
    as_json: AsJson = False,
    *,
    opening: dict[str, Any],
) -> None:
    """Find directed couplings: which assemblies predict which others beyond their own past."""
    from napari_crbm.analysis import direction_table, find_directions

    require_ending(figure, FIGURE_ENDINGS, "--figure")
    file_format = table_format(file_format, output)
    model, recording = open_temporal(temporal_path, recording_path, opening)
    with progress_bar("Directions", "sources") as advance:
        found = find_directions(model, recording, decay_s=decay, report=advance)
    table = direction_table(found)
    if output is not None:
        from napari_crbm.analysis.export.tables import write_tables
        from napari_crbm.analysis.forecasts.tables import direction_tables

        paths = write_tables(direction_tables(found), output, file_format)
        say(f"Wrote {', '.join(path.name for path in paths)} to {output}.")
    if figure is not None:
        from napari_crbm.figures import directions_figure, save_figure

        say(f"Wrote {save_figure(directions_figure(found, model.rbm, recording), figure)}.")
    if as_json:
        print_json({"sentences": found.sentences, "directions": table.to_dict(orient="records")})
        return
    for sentence in found.sentences:
        out.print(sentence, soft_wrap=True)
    shown = table[table["directed"]].head(_LISTED)
    if len(shown):
        columns = ["source", "target", "strength", "total", "peak_lag_s", "q"]
        out.print("Strongest directions (strength in SD of the target):")
        out.print(shown[columns].to_string(index=False, float_format=lambda x: f"{x:.3g}"))
