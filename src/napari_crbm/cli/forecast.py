"""``napari-crbm forecast``: how well held-out frames are predicted, beside simple forecasts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    AsJson,
    RecordingPath,
    out,
    print_json,
    progress_bar,
    say,
    warn,
)
from napari_crbm.cli.formats import Parquet, TableFormat, table_format

if TYPE_CHECKING:
    from napari_crbm.recording import Recording
    from napari_crbm.temporal import TemporalModel

TemporalPath = Annotated[
    Path, typer.Argument(metavar="TEMPORAL", help="Temporal model (.h5).", show_default=False)
]


def open_temporal(
    temporal_path: Path, recording_path: Path, opening: dict[str, Any]
) -> tuple[TemporalModel, Recording]:
    """Open a temporal model and its recording; warn if it was trained on other activity."""
    from napari_crbm.io import load_temporal, open_recording

    model = load_temporal(temporal_path)
    recording = open_recording(recording_path, **opening)
    if model.recording_fingerprint not in (None, recording.spikes.fingerprint):
        warn(
            f"{temporal_path} was trained on another recording than {recording_path}, or on other "
            "spikes of it. The results mix the two."
        )
    return model, recording


@reading.with_options
def forecast(
    temporal_path: TemporalPath,
    recording_path: RecordingPath,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the tables forecasts, dwell, couplings and penalties.",
        ),
    ] = None,
    file_format: TableFormat = None,
    parquet: Parquet = False,
    ahead: Annotated[
        list[int] | None,
        typer.Option(
            min=1,
            help="Frames ahead to forecast (repeatable).",
            show_default="1, 2, 4, 8, 16 and 32",
        ),
    ] = None,
    starts: Annotated[
        int, typer.Option(min=20, help="Held-out frames to forecast from, at most.")
    ] = 100,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    as_json: AsJson = False,
    *,
    opening: dict[str, Any],
) -> None:
    """Forecast held-out frames by a temporal model and by simple forecasts, and compare them."""
    from napari_crbm.analysis import export_forecasts, score_forecasts
    from napari_crbm.analysis.forecasts.scores import HORIZONS

    file_format = table_format(file_format, output, parquet)
    model, recording = open_temporal(temporal_path, recording_path, opening)
    with progress_bar("Forecasting", "pasts") as advance:
        scores = score_forecasts(
            model,
            recording,
            tuple(ahead or HORIZONS),
            n_starts=starts,
            random_state=seed,
            report=advance,
        )
    if output is not None:
        paths = export_forecasts(scores, model, output, file_format)
        say(f"Wrote {', '.join(path.name for path in paths)} to {output}.")
    if as_json:
        print_json(
            {
                "verdict": scores.verdict,
                "dwell_times": scores.dwell_sentence,
                "forecasts": scores.table.to_dict(orient="records"),
                "couplings": model.n_couplings,
            }
        )
        return
    shown = scores.table.pivot(index="horizon_s", columns="forecast", values="gain_mnat")
    order = list(dict.fromkeys(scores.table["forecast"]))
    out.print("Log-likelihood beyond mean rates (mnat per neuron per frame):")
    out.print(shown[order[1:]].round(2).to_string())
    out.print(scores.verdict, soft_wrap=True)
    out.print(scores.dwell_sentence, soft_wrap=True)
