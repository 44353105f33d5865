"""The course over seconds that ``napari-crbm perturb --temporal`` predicts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from napari_crbm.cli.console import out, print_json, progress_bar, say, warn

if TYPE_CHECKING:
    import pandas as pd

    from napari_crbm.model import CRBM
    from napari_crbm.perturbation import Perturbation, PredictedResponse
    from napari_crbm.recording import Recording

_LISTED = 8


def predict(
    temporal_path: Path,
    model: CRBM,
    recording: Recording,
    asked: Perturbation,
    *,
    frames: list[int] | None,
    seconds: float,
    lasting: float | None,
    seed: int,
    output: Path | None,
    file_format: str,
    figure: Path | None,
    as_json: bool,
) -> None:
    """Predict the course with and without a perturbation, and write or print it."""
    from napari_crbm.io import load_temporal
    from napari_crbm.perturbation import predicted_response

    temporal = load_temporal(temporal_path)
    with progress_bar("Predicted response", "frames") as advance:
        found = predicted_response(
            temporal,
            model,
            recording,
            asked,
            starts=frames,
            seconds=seconds,
            lasting_s=lasting,
            random_state=seed,
            report=advance,
        )
    if output is not None:
        from napari_crbm.analysis.export.tables import write_tables
        from napari_crbm.perturbation.tables import response_tables

        paths = write_tables(response_tables(found), output, file_format)
        say(f"Wrote {', '.join(path.name for path in paths)} to {output}.")
    if figure is not None:
        from napari_crbm.figures import response_figure, save_figure

        say(f"Wrote {save_figure(response_figure(found, recording), figure)}.")
    if as_json:
        print_json(_as_json(found))
        return
    _show(found)


def _as_json(found: PredictedResponse) -> dict[str, Any]:
    return {
        "event": found.perturbation.words,
        "starts": found.starts.tolist(),
        "lasting_s": found.lasting_s,
        "sentences": list(found.sentences),
        "assemblies": _records(found.assemblies),
        "regions": _records(found.regions),
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", table.to_dict(orient="records"))


def _show(found: PredictedResponse) -> None:
    """Print the answer in words, and the strongest courses."""
    from napari_crbm.perturbation import MEANING_IN_TIME

    out.print(MEANING_IN_TIME, soft_wrap=True)
    pasts = "1 frame" if len(found.starts) == 1 else f"{len(found.starts)} frames"
    out.print(
        f"\nFrom {pasts} of the recording on, for {found.lasting_s:.3g} s "
        f"{found.perturbation.words}:",
        soft_wrap=True,
    )
    out.print(found.strongest, soft_wrap=True)
    for label, table, factor, title in (
        ("assembly", found.assemblies, 1.0, "Change of assemblies, SD, by seconds:"),
        ("region", found.regions, 100.0, "Change of regions, percentage points, by seconds:"),
    ):
        if len(table):
            wide = factor * table.pivot(index=label, columns="time_s", values="change")
            largest = wide.abs().max(axis=1).sort_values(ascending=False).index[:_LISTED]
            every = -(-wide.shape[1] // _LISTED)
            shown = wide.loc[largest].iloc[:, ::every]
            shown.columns = [f"{seconds:.2g}" for seconds in shown.columns]
            out.print(title)
            out.print(shown.to_string(float_format=lambda value: f"{value:+.2f}"))
    for sentence in found.cautions:
        warn(sentence)
