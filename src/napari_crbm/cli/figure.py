"""``napari-crbm figure``: assembly sheets and the summary page as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    ModelPath,
    RecordingPath,
    counted,
    progress_bar,
    require_choice,
    require_writable,
    say,
)
from napari_crbm.cli.members import with_members

if TYPE_CHECKING:
    import pandas as pd

    from napari_crbm.analysis import Evaluation
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording


@with_members
@reading.with_options
def figure(
    model_path: ModelPath,
    recording_path: RecordingPath,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write to.")] = Path(
        "figures"
    ),
    assembly: Annotated[
        list[int] | None,
        typer.Option(
            "--assembly", "-a", min=0, help="Assembly to draw; repeatable.", show_default="all"
        ),
    ] = None,
    file_format: Annotated[str, typer.Option("--format", help="'png', 'pdf' or 'svg'.")] = "png",
    dark: Annotated[bool, typer.Option("--dark", help="Draw on a dark background.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite existing figures.")] = False,
    *,
    opening: dict[str, Any],
    definition: dict[str, Any],
) -> None:
    """Draw assembly sheets and a summary page."""
    from napari_crbm.cli.pairing import open_pair
    from napari_crbm.errors import ModelError
    from napari_crbm.io.safety.replacing import require_folder

    require_choice(file_format, ("png", "pdf", "svg"), "--format")
    require_folder(output)
    model, recording = open_pair(model_path, recording_path, opening, definition)
    for number in assembly or []:
        if not 0 <= number < model.n_assemblies:
            raise ModelError(
                f"There is no assembly {number}: the model's are 0 to {model.n_assemblies - 1}."
            )
    names = [_sheet(n, file_format) for n in assembly or range(model.n_assemblies)]
    if not assembly:
        names.append(f"summary.{file_format}")
    for name in names:
        if (output / name).exists():
            require_writable(output / name, force)
    draw(model, recording, output, assembly, file_format=file_format, dark=dark)


def _sheet(number: int, file_format: str) -> str:
    return f"assembly-{number:03d}.{file_format}"


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
    """Write one sheet per assembly, and the summary page if all are drawn."""
    from napari_crbm.analysis import assembly_evidence
    from napari_crbm.figures import assembly_sheet, save_figure, summary_page
    from napari_crbm.io.safety.replacing import make_folder

    theme = "dark" if dark else "light"
    make_folder(output)
    activity = model.transform(recording.spikes)
    evidence = assembly_evidence(model, recording)
    numbers = list(range(model.n_assemblies)) if chosen is None else chosen
    with progress_bar("Drawing", "sheets") as advance:
        for done, number in enumerate(numbers):
            sheet = assembly_sheet(
                model, recording, number, activity, theme=theme, evidence=evidence
            )
            save_figure(sheet, output / _sheet(number, file_format))
            advance(done + 1, len(numbers))
    if chosen is None:
        page = summary_page(
            model,
            recording,
            activity,
            evaluation=evaluation,
            recovery=recovery,
            evidence=evidence,
            theme=theme,
        )
        save_figure(page, output / f"summary.{file_format}")
    say(
        f"Wrote {counted(len(numbers), 'assembly sheet')}"
        f"{' and a summary' if chosen is None else ''} to {output}."
    )
