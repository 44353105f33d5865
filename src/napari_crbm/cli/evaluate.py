"""``napari-crbm evaluate``: how well a model explains held-out frames."""

from __future__ import annotations

from dataclasses import asdict
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
    require_ending,
    say,
    warn,
)
from napari_crbm.cli.formats import Parquet, TableFormat, table_format
from napari_crbm.cli.members import with_members

if TYPE_CHECKING:
    from napari_crbm.analysis import Evaluation
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording


def on_held_out(model: CRBM, recording: Recording, **options: Any) -> Evaluation:
    """Compare samples of the model with its held-out frames; show a progress bar."""
    from napari_crbm.analysis import evaluate_held_out

    with progress_bar("Evaluating") as advance:
        return evaluate_held_out(model, recording, report=advance, **options)


@with_members
@reading.with_options
def evaluate(
    model_path: ModelPath,
    recording_path: RecordingPath,
    samples: Annotated[
        int | None,
        typer.Option(min=2, help="Frames to draw from the model.", show_default="10000"),
    ] = None,
    chains: Annotated[
        int | None,
        typer.Option(min=1, help="Independent Markov chains to draw from.", show_default="300"),
    ] = None,
    as_published: Annotated[
        bool,
        typer.Option(
            "--as-published",
            help="Draw as the paper does, to compare with its figures: 50 frames from each of "
            "300 chains, 20 steps apart, after 2,000 steps from recorded frames. Excludes "
            "--samples and --chains.",
        ),
    ] = False,
    likelihood: Annotated[
        bool, typer.Option("--likelihood", help="Also estimate the log-likelihood (AIS).")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the model's chains.")] = 0,
    figure: Annotated[
        Path | None, typer.Option(help="Draw the comparison to this .pdf, .svg or .png.")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the tables statistics, neurons, lagged and active_neurons.",
        ),
    ] = None,
    file_format: TableFormat = None,
    parquet: Parquet = False,
    as_json: AsJson = False,
    *,
    opening: dict[str, Any],
    definition: dict[str, Any],
) -> None:
    """Compare activity that a model generates with held-out frames."""
    from napari_crbm.analysis import (
        export_evaluation,
        fraction_recovered,
        held_out_likelihood,
        model_recovery,
    )
    from napari_crbm.cli.pairing import open_pair, truth_of

    file_format = table_format(file_format, output, parquet)
    require_ending(figure, FIGURE_ENDINGS, "--figure")
    for option, value in (
        ("--samples", samples),
        ("--chains", chains),
    ):
        if as_published and value is not None:
            raise typer.BadParameter("has no effect with --as-published.", param_hint=option)
    model, recording = open_pair(model_path, recording_path, opening, definition)
    result = on_held_out(
        model,
        recording,
        n_samples=10_000 if samples is None else samples,
        n_chains=300 if chains is None else chains,
        as_published=as_published,
        seed=seed,
    )
    if result.warning:
        warn(result.warning)
    truth = truth_of(recording_path)
    found = None if truth is None else model_recovery(model, recording, truth.membership)
    estimate = None
    if likelihood:
        with progress_bar("Annealing") as advance:
            estimate = held_out_likelihood(model, recording, random_state=seed, report=advance)
        if estimate.warning:
            warn(estimate.warning)
    if figure is not None:
        from napari_crbm.figures import save_figure, statistics_page

        say(f"Wrote {save_figure(statistics_page(result, recording), figure)}.")
    if output is not None:
        paths = export_evaluation(result, output, file_format)
        say(f"Wrote {', '.join(path.name for path in paths)} to {output}.")
    if as_json:
        print_json(
            {
                "statistics": result.table.to_dict(orient="index"),
                "lagged": result.lagged.table.to_dict(orient="records"),
                "population_count_nrmse": result.population.nrmse,
                "pseudo_likelihood": result.pseudo_likelihood,
                "baselines": result.findings.likelihoods,
                "components_left_over": result.findings.n_left_over,
                "reconstruction_nllh": result.median_nllh,
                "reconstruction_nllh_shifted": result.shifted_nllh,
                "log_likelihood": None if estimate is None else asdict(estimate),
                "recovered": None if found is None else fraction_recovered(found),
                "test_blocks": None
                if result.drift is None
                else result.drift.table.to_dict(orient="records"),
                "outcome": result.judgement.outcome,
                "advice": result.judgement.advice,
                "verdict": result.verdict,
                "warning": result.warning,
            }
        )
        return
    out.print(str(result))
    if estimate is not None:
        out.print(estimate.verdict, soft_wrap=True)
    if found is not None:
        out.print(
            "planted assemblies recovered (AUROC of the association > 0.95): "
            f"{100 * fraction_recovered(found):.0f} %",
        )
