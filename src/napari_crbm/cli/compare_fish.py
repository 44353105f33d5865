"""``napari-crbm compare-fish``: similarity of the connectivity of several animals."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from napari_crbm.cli.connectivity import PERMUTED, print_agreement, summary
from napari_crbm.cli.console import AsJson, out, print_json, require_choice, say


def compare_fish(
    project: Annotated[
        Path,
        typer.Argument(
            metavar="PROJECT",
            help="Project file that 'connectivity --project' has filled.",
            show_default=False,
        ),
    ],
    structural: Annotated[
        Path | None, typer.Option(help="Structural matrix (CSV) to compare the mean map with.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder for the tables and the figure.")
    ] = None,
    measure: Annotated[
        str, typer.Option(help="Which maps: 'coupling', 'covariance' or 'correlation'.")
    ] = "coupling",
    rule: Annotated[
        str, typer.Option(help="Over pairs of neurons: 'mean_abs', 'rms' or 'mean'.")
    ] = "mean_abs",
    permutations: Annotated[
        int, typer.Option(help="Permutations of regions for p-values.", min=1)
    ] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the permutations.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Compare the region maps of several animals, their mean, and a structural matrix."""
    from napari_crbm import connectome
    from napari_crbm.errors import ModelError
    from napari_crbm.io.safety.replacing import make_folder, require_folder

    if output is not None:
        require_folder(output)
    require_choice(measure, connectome.MEASURES, "--measure")
    require_choice(rule, connectome.RULES, "--rule")
    every = connectome.load_project(project)
    animals = connectome.of_kind(every, measure, rule)
    if not animals:
        found = "; ".join(" ".join(kind) for kind in connectome.kinds(every)) or "none"
        raise ModelError(f"{project} has no maps of {measure} {rule}; it has: {found}.")
    matrix = None if structural is None else connectome.read_matrix(structural)
    study = connectome.compare_animals(animals, matrix, n_permutations=permutations, seed=seed)
    maps, table, mean, anatomy = study.maps, study.similarity, study.mean, study.agreement
    if output is not None:
        from napari_crbm.analysis import write_table
        from napari_crbm.figures import save_figure
        from napari_crbm.figures.connectivity import comparison_figure

        make_folder(output)
        write_table(table, output / "similarity.csv")
        write_table(mean.table(), output / "mean_connections.csv")
        write_table(mean.frame(), output / "mean_matrix.csv", index=True)
        figure = comparison_figure(maps, mean, table, matrix, anatomy)
        save_figure(figure, output / "comparison.pdf")
        save_figure(figure, output / "comparison.png")
        say(f"Wrote tables and figure to {output}.")
    if as_json:
        print_json(
            {
                "animals": {
                    name: {"models": list(animal.maps), "n_frames": animal.n_frames}
                    for name, animal in animals.items()
                },
                "similarity": table.to_dict(orient="records"),
                "mean": mean.table().to_dict(orient="records"),
                "structural": None if anatomy is None else summary(anatomy),
                "shared": None if study.shared is None else asdict(study.shared),
            }
        )
        return
    if len(table):
        out.print(table.to_string(index=False, float_format="{:.3g}".format))
        out.print(str(study.shared), soft_wrap=True)
        if (table["null"] == "permuted").any():
            say(PERMUTED)
    else:
        say("The project holds one animal; add others to compare them.")
    if anatomy is not None:
        print_agreement("the structural matrix", anatomy)
