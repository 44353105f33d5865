"""The list of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from napari_crbm import __version__
from napari_crbm.cli.assemblies import assemblies
from napari_crbm.cli.compare import compare
from napari_crbm.cli.compare_fish import compare_fish
from napari_crbm.cli.compare_groups import compare_groups
from napari_crbm.cli.compose import compose
from napari_crbm.cli.connectivity import connectivity
from napari_crbm.cli.convert import convert
from napari_crbm.cli.demo import demo
from napari_crbm.cli.directions import directions
from napari_crbm.cli.evaluate import evaluate
from napari_crbm.cli.figure import figure
from napari_crbm.cli.forecast import forecast
from napari_crbm.cli.guard import guarded
from napari_crbm.cli.info import info
from napari_crbm.cli.label import label
from napari_crbm.cli.match import match
from napari_crbm.cli.perturb import perturb
from napari_crbm.cli.preprocess import preprocess
from napari_crbm.cli.reproducibility import reproducibility
from napari_crbm.cli.sample import sample
from napari_crbm.cli.sessions import join, split
from napari_crbm.cli.simulate import simulate
from napari_crbm.cli.stability import stability
from napari_crbm.cli.states import states
from napari_crbm.cli.sweep import sweep
from napari_crbm.cli.train import train
from napari_crbm.cli.train_temporal import train_temporal
from napari_crbm.cli.tuning import tuning
from napari_crbm.cli.view import view

app = typer.Typer(
    name="napari-crbm",
    help="Find neural assemblies in whole-brain recordings with a compositional RBM.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for command in (
    demo,
    simulate,
    convert,
    preprocess,
    join,
    split,
    info,
    train,
    sweep,
    evaluate,
    assemblies,
    label,
    compare_groups,
    reproducibility,
    stability,
    match,
    states,
    tuning,
    compare,
    figure,
    compose,
    connectivity,
    perturb,
    train_temporal,
    forecast,
    directions,
    sample,
    compare_fish,
    view,
):
    app.command()(guarded(command))


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"napari-crbm {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Find neural assemblies in whole-brain recordings with a compositional RBM."""
