"""``napari-crbm preprocess``: fluorescence to spikes, frames and neurons left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import RecordingPath, progress_bar, require_writable, say


@reading.with_options
def preprocess(
    source: RecordingPath,
    output: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="File to write (.h5).", show_default=False)
    ],
    opening: dict[str, Any],
    burn_in: Annotated[float, typer.Option(help="Seconds to leave out at the start.")] = 0.0,
    baseline: Annotated[
        float | None,
        typer.Option(help="Window of the running baseline in seconds. [default: no baseline]"),
    ] = None,
    percentile: Annotated[float, typer.Option(help="Percentile of the baseline, 0 to 100.")] = 8.0,
    raw: Annotated[
        bool,
        typer.Option("--raw", help="Traces are intensities: divide by the baseline for dF/F."),
    ] = False,
    background: Annotated[
        float, typer.Option(help="Intensity without tissue, for --raw, in the traces' unit.")
    ] = 0.0,
    deconvolve: Annotated[
        bool, typer.Option("--deconvolve", help="Infer spikes with OASIS, then threshold them.")
    ] = False,
    zscore: Annotated[
        bool, typer.Option("--zscore", help="Threshold standardised traces instead of rises.")
    ] = False,
    level: Annotated[
        bool,
        typer.Option("--level", help="Threshold traces as they are (already deconvolved)."),
    ] = False,
    keep_spikes: Annotated[
        bool, typer.Option("--keep-spikes", help="Keep the file's spikes, only leave out.")
    ] = False,
    threshold: Annotated[
        float | None,
        typer.Option(
            help="Threshold: standard deviations of a neuron's noise (rises, --deconvolve) or of "
            "its trace (--zscore), or the traces' unit (--level). [default: the usual one]"
        ),
    ] = None,
    decay: Annotated[
        float, typer.Option(help="Decay time of the indicator, seconds (GCaMP6s 3.55, 6f 1.6).")
    ] = 3.55,
    motion_trace: Annotated[
        str | None, typer.Option(help="Name of a trace of the file that tells motion.")
    ] = None,
    motion_above: Annotated[
        float, typer.Option(help="Leave out frames where the motion trace exceeds this.")
    ] = 0.0,
    drop_frames: Annotated[
        list[str] | None,
        typer.Option(help="Frames to leave out, 'first-last' from 0; may be repeated."),
    ] = None,
    region: Annotated[
        list[str] | None, typer.Option(help="Keep neurons in this region; may be repeated.")
    ] = None,
    min_activity: Annotated[
        float, typer.Option(help="Keep neurons active in at least this fraction of frames.")
    ] = 0.0,
    max_activity: Annotated[
        float, typer.Option(help="Keep neurons active in at most this fraction of frames.")
    ] = 1.0,
    min_snr: Annotated[
        float,
        typer.Option(help="Keep neurons whose 99th percentile stands this many sd over noise."),
    ] = 0.0,
    steps_from: Annotated[
        Path | None,
        typer.Option(help="Repeat what was done to this recording; other options are ignored."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Turn fluorescence into spikes and leave out frames and neurons; all of it is recorded."""
    from napari_crbm.io import open_recording, save_recording
    from napari_crbm.preprocessing import Steps, activity_warning, dropped_text, steps_of
    from napari_crbm.preprocessing import preprocess as run

    require_writable(output, force, [source, steps_from])
    chosen = [
        name
        for name, wanted in (
            ("deconvolution", deconvolve),
            ("zscore", zscore),
            ("level", level),
            ("keep", keep_spikes),
        )
        if wanted
    ]
    if len(chosen) > 1:
        raise typer.BadParameter(
            "choose one.", param_hint="--deconvolve, --zscore, --level, --keep-spikes"
        )
    if steps_from is not None:
        steps = steps_of(open_recording(steps_from))
    else:
        steps = Steps(
            burn_in_s=burn_in,
            baseline_s=baseline,
            percentile=percentile,
            raw=raw,
            background=background,
            method=chosen[0] if chosen else "events",
            threshold=threshold,
            decay_s=decay,
            motion_trace=motion_trace,
            motion_above=motion_above,
            drop_frames=_ranges(drop_frames or ()),
            regions=tuple(region or ()),
            min_activity=min_activity,
            max_activity=max_activity,
            min_snr=min_snr,
        )
    with progress_bar("Opening", "neurons") as advance:
        recording = open_recording(source, progress=advance, **opening)
    with progress_bar("Preprocessing", "neurons") as advance:
        result = run(recording, steps, progress=advance)
    if message := activity_warning(result.spikes):
        say(f"[yellow]Warning:[/] {message}")
    save_recording(result, output)
    text = dropped_text(result.provenance[-1].parameters["dropped"])
    say(f"Wrote {output}; {text}.\n{result!r}")


def _ranges(texts: Sequence[str]) -> tuple[tuple[int, int], ...]:
    from napari_crbm.errors import RecordingError
    from napari_crbm.preprocessing import frame_ranges

    try:
        return frame_ranges(",".join(texts))
    except RecordingError as error:
        raise typer.BadParameter(str(error), param_hint="--drop-frames") from error
