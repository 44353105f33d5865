"""``napari-crbm figure``: assembly sheets and the summary page as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_crbm.cli.console import ModelPath, RecordingPath, progress_bar, say

if TYPE_CHECKING:
    import pandas as pd

    from napari_crbm.analysis import Evaluation
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording


def figure(
    model_path: ModelPath,
    recording_path: RecordingPath,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")] = Path(
        "figures"
    ),
    assembly: Annotated[
        list[int] | None,
        typer.Option("--assembly", "-a", help="Assembly to draw; repeatable. [default: all]"),
    ] = None,
    file_format: Annotated[str, typer.Option("--format", help="'png', 'pdf' or 'svg'.")] = "png",
    dark: Annotated[bool, typer.Option("--dark", help="Light on dark.")] = False,
) -> None:
    """Draw assembly sheets and a summary page."""
    from napari_crbm.cli.pairing import open_pair
    from napari_crbm.errors import ModelError

    if file_format not in ("png", "pdf", "svg"):
        raise typer.BadParameter(f"'{file_format}' is not png, pdf or svg.", param_hint="--format")
    model, recording = open_pair(model_path, recording_path)
    for number in assembly or []:
        if not 0 <= number < model.n_assemblies:
            raise ModelError(
                f"There is no assembly {number}: the model's are 0 to {model.n_assemblies - 1}."
            )
    draw(model, recording, output, assembly, file_format=file_format, dark=dark)


def draw(
    model: CRBM,
    recording: Recording,
    output: Path,
    chosen: list[int] | None = None,
    *,
    file_format: str = "png",
    dark: bool = False,
    evaluation: Evaluation | None = None,
    recovery: pd.DataFrame | None = None,
) -> None:
    """Write one sheet an assembly, and the summary page if all are drawn."""
    from napari_crbm.figures import assembly_sheet, save_figure, summary_page

    theme = "dark" if dark else "light"
    output.mkdir(parents=True, exist_ok=True)
    activity = model.transform(recording.spikes)
    numbers = list(range(model.n_assemblies)) if chosen is None else chosen
    with progress_bar("Drawing", "sheets") as advance:
        for done, number in enumerate(numbers):
            sheet = assembly_sheet(model, recording, number, activity, theme=theme)
            save_figure(sheet, output / f"assembly-{number:03d}.{file_format}")
            advance(done + 1, len(numbers))
    if chosen is None:
        page = summary_page(
            model, recording, activity, evaluation=evaluation, recovery=recovery, theme=theme
        )
        save_figure(page, output / f"summary.{file_format}")
    say(
        f"Wrote {len(numbers)} assembly sheets{' and a summary' if chosen is None else ''} "
        f"to {output}."
    )
