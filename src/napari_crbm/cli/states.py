"""``napari-crbm states``: how assemblies combine, and how long they stay on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_crbm.cli.console import AsJson, ModelPath, RecordingPath, out, print_json, say

_SHOWN = 10


def states(
    model_path: ModelPath,
    recording_path: RecordingPath,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for states.csv, combinations.csv, coactivation.csv and active.csv.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell how many assemblies are active at a time, in which sets, and for how long."""
    import pandas as pd

    from napari_crbm.analysis import coactivation, combinations, composition, state_table
    from napari_crbm.cli.pairing import open_pair

    model, recording = open_pair(model_path, recording_path)
    activity = model.transform(recording.spikes)
    made_of = composition(activity)
    table = state_table(activity, recording.frame_interval_s)
    sets = combinations(activity, recording.times)
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        table.to_csv(output / "states.csv")
        sets.to_csv(output / "combinations.csv", index=False)
        pd.DataFrame(coactivation(activity)).to_csv(output / "coactivation.csv")
        counts = pd.DataFrame({"time_s": recording.times, "active_assemblies": made_of.counts})
        counts.to_csv(output / "active.csv", index=False)
        say(f"Wrote states, combinations, coactivation and active (.csv) to {output}.")
    if as_json:
        print_json(
            {
                "median_active": made_of.median,
                "phase": made_of.phase,
                "assemblies": table.reset_index().to_dict(orient="records"),
                "combinations": sets.head(100).to_dict(orient="records"),
            }
        )
        return
    out.print(made_of.verdict, highlight=False, soft_wrap=True)
    out.print(
        f"{int(table['bimodal'].sum())} of {len(table)} assemblies have two clear states; they "
        f"stay on for {table['on_s'].median():.1f} s and off for {table['off_s'].median():.1f} s "
        "(medians).",
        highlight=False,
        soft_wrap=True,
    )
    out.print(f"{len(sets):,} different combinations; the most frequent:", highlight=False)
    text = sets.head(_SHOWN)[["assemblies", "n_frames", "fraction"]].to_string(
        index=False, float_format=lambda value: f"{value:.3f}"
    )
    out.print(text, highlight=False)
