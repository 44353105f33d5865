"""``napari-crbm sample``: activity that a model generates, beside recorded activity."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    FIGURE_ENDINGS,
    AsJson,
    ModelPath,
    RecordingPath,
    out,
    print_json,
    progress_bar,
    refuse_without,
    require_choice,
    require_ending,
    require_writable,
    say,
)
from napari_crbm.cli.formats import TableFormat, table_format

if TYPE_CHECKING:
    from napari_crbm.analysis import Dream

_KINDS = ("snapshots", "held", "movie")


@reading.with_options
def sample(
    model_path: ModelPath,
    recording_path: RecordingPath,
    kind: Annotated[
        str,
        typer.Option(
            help="'snapshots': independent samples; 'held': draws given the assemblies of a "
            "frame; 'movie': a continuation, which needs a temporal model as MODEL."
        ),
    ] = "snapshots",
    frames: Annotated[
        int | None,
        typer.Option(min=1, help="Frames to show.", show_default="12; 120 for a movie"),
    ] = None,
    frame: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="With 'held': the recorded frame; with 'movie': the last frame of the past.",
            show_default="the first held-out frame that will do",
        ),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(
            help="With 'movie': drawn by the 'temporal' model or by the 'copula' process.",
            show_default="temporal",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of all random numbers.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the tables told_apart and nearest, and generated.h5, a recording of "
            "the generated frames.",
        ),
    ] = None,
    file_format: TableFormat = None,
    figure: Annotated[
        Path | None, typer.Option(help="Draw the frames to this .pdf, .svg or .png.")
    ] = None,
    movie: Annotated[
        Path | None, typer.Option(help="Write a movie of both sides to this .gif or .mp4.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing movie.")] = False,
    as_json: AsJson = False,
    *,
    opening: dict[str, Any],
) -> None:
    """Generate activity, show it beside the recording, and measure how well they are told apart."""
    require_choice(kind, _KINDS, "--kind")
    refuse_without("--kind movie", kind == "movie", source=source)
    refuse_without("--kind held or movie", kind != "snapshots", frame=frame)
    require_ending(figure, FIGURE_ENDINGS, "--figure")
    if movie is not None:
        require_writable(movie, force, [model_path, recording_path], endings=(".gif", ".mp4"))
    file_format = table_format(file_format, output)
    with progress_bar("Generating") as advance:
        dream = _dream(
            (model_path, recording_path, opening), kind, frames, frame, source, seed, advance
        )
    if output is not None:
        from napari_crbm.analysis import export_dream

        paths = export_dream(dream, output, file_format)
        say(f"Wrote {', '.join(path.name for path in paths)} to {output}.")
    if figure is not None:
        from napari_crbm.figures import dream_figure, save_figure

        say(f"Wrote {save_figure(dream_figure(dream), figure)}.")
    if movie is not None:
        from napari_crbm.figures import save_dream_movie

        say(f"Wrote {save_dream_movie(dream, movie)}.")
    if as_json:
        found = dream.discrimination
        print_json(
            {
                "kind": dream.kind,
                "source": dream.source,
                "frames": dream.frames.tolist(),
                "sentences": dream.sentences,
                "told_apart": found.table.to_dict(orient="records"),
                "nearest": found.nearest.to_dict(orient="records"),
            }
        )
        return
    for sentence in dream.sentences:
        out.print(sentence, soft_wrap=True)


def _dream(
    files: tuple[Path, Path, dict[str, Any]],
    kind: str,
    frames: int | None,
    frame: int | None,
    source: str | None,
    seed: int,
    advance: Any,
) -> Dream:
    from napari_crbm.analysis import held_state, movie, snapshots
    from napari_crbm.cli.forecast import open_temporal
    from napari_crbm.cli.pairing import open_pair

    model_path, recording_path, opening = files
    if kind == "movie":
        temporal, recording = open_temporal(model_path, recording_path, opening)
        return movie(
            temporal,
            recording,
            "copula" if source == "copula" else _temporal(source),
            frames or 120,
            start=frame,
            random_state=seed,
            report=advance,
        )
    model, recording = open_pair(model_path, recording_path, opening)
    if kind == "snapshots":
        return snapshots(model, recording, frames or 12, random_state=seed, report=advance)
    held = frame
    if held is None:
        split = model.split_
        held = int(split["test"][0]) if split is not None and len(split["test"]) else 0
    return held_state(model, recording, held, frames or 12, random_state=seed, report=advance)


def _temporal(source: str | None) -> Any:
    """Return the name of the temporal source; other names are refused."""
    require_choice(source or "temporal", ("temporal", "copula"), "--source")
    return "temporal"
