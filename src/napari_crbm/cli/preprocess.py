"""``napari-crbm preprocess``: fluorescence to spikes, frames and neurons left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    RECORDING_ENDINGS,
    RecordingPath,
    progress_bar,
    refuse_without,
    require_writable,
    say,
    warn,
)
from napari_crbm.cli.generated import with_declared
from napari_crbm.declarations import declaration, declared
from napari_crbm.preprocessing.steps import Steps

# The method has a flag for each choice, and frames are typed as ranges.
_GENERATED = [each for each in declared(Steps) if each.name != "method"]
_METHODS = ("deconvolution", "zscore", "level", "keep")


@with_declared("changed", _GENERATED, panel="Preprocessing")
@reading.with_options
def preprocess(
    source: RecordingPath,
    output: Annotated[
        Path, typer.Argument(metavar="OUTPUT", help="File to write (.h5).", show_default=False)
    ],
    opening: dict[str, Any],
    changed: dict[str, Any],
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
        bool,
        typer.Option(
            "--keep-spikes",
            help="Keep the spikes that are stored in the file, instead of computing them from the "
            "fluorescence.",
        ),
    ] = False,
    drop_frames: Annotated[
        list[str] | None,
        typer.Option(help="Frames to leave out, 'first-last' from 0; repeatable."),
    ] = None,
    drop_neurons: Annotated[
        list[str] | None,
        typer.Option(help="Neurons to leave out, 'first-last' from 0; repeatable."),
    ] = None,
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CHECK",
            help="Leave out the neurons or frames that this check of 'info' names, such as "
            "'duplicate neurons'; repeatable.",
        ),
    ] = None,
    steps_from: Annotated[
        Path | None,
        typer.Option(help="Repeat the preprocessing of this recording. Excludes other steps."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Turn fluorescence into spikes; leave out frames and neurons. The file records all steps."""
    from napari_crbm.analysis import recording_health
    from napari_crbm.analysis.health.mend import leaving_out, named_findings
    from napari_crbm.io import open_recording, save_recording
    from napari_crbm.preprocessing import activity_warning, dropped_text, steps_of
    from napari_crbm.preprocessing import preprocess as run

    require_writable(output, force, [source, steps_from], endings=RECORDING_ENDINGS)
    flags = (deconvolve, zscore, level, keep_spikes)
    chosen = [name for name, wanted in zip(_METHODS, flags, strict=True) if wanted]
    if len(chosen) > 1:
        raise typer.BadParameter(
            "choose one.", param_hint="--deconvolve, --zscore, --level, --keep-spikes"
        )
    method = chosen[0] if chosen else "events"
    listed = {"drop_frames": drop_frames, "drop_neurons": drop_neurons, "leave_out": leave_out}
    given = {name: value for name, value in listed.items() if value} | changed
    if steps_from is not None:
        if given or chosen:
            raise typer.BadParameter("excludes all other steps.", param_hint="--steps-from")
        steps = steps_of(open_recording(steps_from))
    else:
        _refuse_unused(given, method)
        steps = Steps.from_dict(
            {
                **changed,
                "method": method,
                "drop_frames": _ranges(drop_frames or ()),
                "drop_neurons": _ranges(drop_neurons or (), "neurons"),
            }
        )
    with progress_bar("Opening", "neurons") as advance:
        recording = open_recording(source, progress=advance, **opening)
    if leave_out:
        steps = leaving_out(named_findings(recording_health(recording), leave_out), steps)
    with progress_bar("Preprocessing", "neurons") as advance:
        result = run(recording, steps, progress=advance)
    if message := activity_warning(result.spikes):
        warn(message)
    save_recording(result, output)
    text = dropped_text(result.provenance[-1].parameters["dropped"])
    say(f"Wrote {output}; {text}.\n{result!r}")


def _refuse_unused(given: dict[str, Any], method: str) -> None:
    """Refuse steps that have no effect without another."""
    trace = {"motion_above": given.get("motion_above")}
    refuse_without("--motion-trace", "motion_trace" in given, **trace)
    refuse_without("--raw", bool(given.get("raw")), background=given.get("background"))
    refuse_without("--baseline", "baseline_s" in given, percentile=given.get("percentile"))
    refuse_without("--deconvolve", method == "deconvolution", decay=given.get("decay_s"))
    if method == "keep":
        for name in ("baseline_s", "raw", "threshold", "min_snr"):
            if given.get(name):
                option = declaration(Steps, name).option
                raise typer.BadParameter("has no effect with --keep-spikes.", param_hint=option)


def _ranges(texts: Sequence[str], of: str = "frames") -> tuple[tuple[int, int], ...]:
    from napari_crbm.errors import RecordingError
    from napari_crbm.preprocessing import frame_ranges

    try:
        return frame_ranges(",".join(texts), of)
    except RecordingError as error:
        raise typer.BadParameter(str(error), param_hint=f"--drop-{of}") from error
