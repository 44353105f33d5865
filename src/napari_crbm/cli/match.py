"""``napari-crbm match``: which assemblies of two models, or of two animals, correspond."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    FIGURE_ENDINGS,
    AsJson,
    out,
    print_json,
    progress_bar,
    refuse_without,
    require_choice,
    require_ending,
    say,
)
from napari_crbm.cli.formats import TABLE_ENDINGS
from napari_crbm.cli.members import with_members

if TYPE_CHECKING:
    from napari_crbm.analysis import Counterparts


@with_members
@reading.with_options
def match(
    first: Annotated[
        Path,
        typer.Argument(metavar="FIRST", help="Model whose assemblies to match (.h5)."),
    ],
    second: Annotated[
        Path, typer.Argument(metavar="SECOND", help="Model to look for counterparts in (.h5).")
    ],
    recordings: Annotated[
        list[Path],
        typer.Argument(
            metavar="RECORDING [RECORDING]",
            help="The recording of both models; or that of the first, then that of the second. "
            "Options for reading apply to both.",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Table of pairs to write (.csv or .parquet)."),
    ] = None,
    figure: Annotated[
        Path | None, typer.Option(help="Figure to write (.png, .pdf or .svg).")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="What to compare: 'neurons', 'places' or 'regions'.",
            show_default="neurons if they are the same, else places in a common space, else "
            "regions of the same names",
        ),
    ] = None,
    width_um: Annotated[
        float | None,
        typer.Option(
            min=0.1,
            help="With 'places': distance within which neurons count as at one place, in µm.",
            show_default="20",
        ),
    ] = None,
    shuffles: Annotated[int, typer.Option(min=19, help="Draws behind the chance level.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the draws.")] = 0,
    as_json: AsJson = False,
    *,
    opening: dict[str, Any],
    definition: dict[str, Any],
) -> None:
    """Match the assemblies of two models one to one, of one recording or of two animals."""
    from napari_crbm.analysis import MATCH_BY, find_counterparts
    from napari_crbm.cli.pairing import open_pair
    from napari_crbm.figures import write_counterparts

    if len(recordings) > 2:
        raise typer.BadParameter(
            f"Two models have at most two recordings; found {len(recordings)}.",
            param_hint="RECORDING",
        )
    require_ending(output, TABLE_ENDINGS, "--output")
    require_ending(figure, FIGURE_ENDINGS, "--figure")
    if by is not None:
        require_choice(by, tuple(MATCH_BY), "--by")
        refuse_without("--by places", by == "places", width_um=width_um)
    here = open_pair(first, recordings[0], opening, definition)
    there = open_pair(second, recordings[-1], opening, definition)
    with progress_bar("Matching", "draws") as advance:
        found = find_counterparts(
            *here,
            *there,
            by=by,
            width_um=20.0 if width_um is None else width_um,
            n_shuffles=shuffles,
            random_state=seed,
            progress=lambda done, total: advance(done, total),
        )
    for path in (output, figure):
        if path is not None:
            say(f"Wrote {write_counterparts(found, path)}")
    if as_json:
        print_json(
            {
                "by": found.by,
                "n_found": found.n_found,
                "warning": found.warning,
                "pairs": found.pairs.to_dict(orient="records"),
                "only_in_second": found.alone_second,
            }
        )
        return
    _print(found, second)


def _print(found: Counterparts, second: Path) -> None:
    """Print the pairs, those above chance first, and their number."""
    from napari_crbm.analysis import MATCH_BY

    table = found.pairs.sort_values(["found", "similarity"], ascending=False, kind="stable")
    shown = table.drop(columns=["orientation"]).astype({"match": object})
    shown.loc[shown["match"] < 0, "match"] = "-"
    shown["found"] = shown["found"].map({True: "yes", False: ""})
    text = shown.to_string(index=False, float_format="{:.2f}".format, na_rep="-")
    out.print(text)
    n, alone = len(table), found.alone_second
    only = f"; only there: {', '.join(str(number) for number in alone)}" if alone else ""
    say(
        f"Matched by {MATCH_BY[found.by]}: {found.n_found} of {n} assemblies have a counterpart "
        f"in {second.name}, more alike than 95 % of partners by chance{only}."
    )
    if found.warning:
        say(f"Warning: {found.warning}")
