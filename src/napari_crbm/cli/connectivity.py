"""``napari-crbm connectivity``: strength of couplings between brain regions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from napari_crbm.cli import reading
from napari_crbm.cli.console import (
    AsJson,
    ModelPath,
    RecordingPath,
    counted,
    out,
    print_json,
    progress_bar,
    refuse_without,
    require_choice,
    say,
)
from napari_crbm.cli.members import with_members
from napari_crbm.cli.placing import numbers, placed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_crbm.connectome import Comparison, RegionMap
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording
    from napari_crbm.regions import Regions

_LISTED = 15


@with_members
@reading.with_options
def connectivity(
    model_path: ModelPath,
    recording_path: RecordingPath,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Folder for the tables and the figure."),
    ] = None,
    project: Annotated[
        Path | None,
        typer.Option(help="Project file (.h5) to add this animal's map to; made if missing."),
    ] = None,
    animal: Annotated[
        str | None,
        typer.Option(help="Name of the animal in the project.", show_default="the recording's"),
    ] = None,
    measure: Annotated[
        str, typer.Option(help="'coupling' (of the model), 'covariance' or 'correlation'.")
    ] = "coupling",
    rule: Annotated[
        str, typer.Option(help="Over pairs of neurons: 'mean_abs' (paper), 'rms' or 'mean'.")
    ] = "mean_abs",
    min_neurons: Annotated[int, typer.Option(min=1, help="Leave smaller regions out.")] = 5,
    both_sides: Annotated[
        bool,
        typer.Option("--both-sides", help="Leave a region out if its other side is too small."),
    ] = False,
    shuffles: Annotated[
        int, typer.Option(help="Shuffles of the region labels for p-values.", min=0)
    ] = 500,
    structural: Annotated[
        Path | None, typer.Option(help="Structural matrix (CSV) to compare the map with.")
    ] = None,
    atlas: Annotated[
        str | None,
        typer.Option(
            help="Assign regions from an atlas: 'larval-fish', a BrainGlobe atlas, or a label "
            "volume file.",
            show_default="the recording's own regions",
        ),
    ] = None,
    atlas_names: Annotated[
        Path | None,
        typer.Option(
            help="Names for an atlas file: a text table with a label and its name per line."
        ),
    ] = None,
    region_names: Annotated[Path | None, typer.Option("--region-names", hidden=True)] = None,
    voxel_um: Annotated[
        str | None,
        typer.Option(
            help="Voxel size of an atlas file that stores none, in µm, such as 0.798,0.798,2."
        ),
    ] = None,
    orientation: Annotated[
        str | None,
        typer.Option(
            help="Where the axes of an atlas file start, such as 'las'.", show_default="sal"
        ),
    ] = None,
    affine: Annotated[
        Path | None,
        typer.Option(
            help="Affine map into the atlas, a text file: rows of four numbers, z, y, x, 1. "
            "Without it, the flip that places most neurons inside the atlas is used."
        ),
    ] = None,
    scale_um: Annotated[
        str | None,
        typer.Option(
            help="Micrometres per unit of the coordinates, for --atlas: one number, or three "
            "along z, y, x.",
            show_default="1, or 1000 and 0.001 if the extent of the neurons says so",
        ),
    ] = None,
    columns: Annotated[
        str, typer.Option(help="Axes of the three columns of the coordinates, for --atlas.")
    ] = "zyx",
    centre: Annotated[
        bool,
        typer.Option("--centre", help="Shift the centre of the neurons to that of the atlas."),
    ] = False,
    level: Annotated[
        int | None,
        typer.Option(
            help="Level of the tree of regions, 1 for the top: of the atlas, or of the names in "
            "the recording ('Diencephalon - Habenula').",
            show_default="the smallest regions of an atlas, all of a recording",
            min=1,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only regions whose name contains this text; repeatable."),
    ] = None,
    neuron: Annotated[
        list[int] | None,
        typer.Option(
            min=0, help="Also write the couplings of this neuron with all others; repeatable."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of shuffles and permutations.")] = 0,
    as_json: AsJson = False,
    *,
    opening: dict[str, Any],
    definition: dict[str, Any],
) -> None:
    """Map the functional connectivity between brain regions."""
    from napari_crbm import connectome
    from napari_crbm.cli.pairing import open_pair
    from napari_crbm.io.safety.replacing import require_folder

    require_choice(measure, connectome.MEASURES, "--measure")
    require_choice(rule, connectome.RULES, "--rule")
    refuse_without("--output", output is not None, neuron=neuron)
    if output is not None:
        require_folder(output)
    refuse_without("--project", project is not None, animal=animal)
    refuse_without(
        "--atlas",
        atlas is not None,
        atlas_names=atlas_names,
        region_names=region_names,
        voxel_um=voxel_um,
        orientation=orientation,
        affine=affine,
        scale_um=scale_um,
        columns=None if columns == "zyx" else columns,
        centre=centre,
    )
    model, recording = open_pair(model_path, recording_path, opening, definition)
    for number in neuron or []:
        if number >= recording.n_neurons:
            raise typer.BadParameter(
                f"there is no neuron {number}: they are 0 to {recording.n_neurons - 1}.",
                param_hint="--neuron",
            )
    if atlas is None:
        regions = _own_regions(recording, recording_path, level)
    else:
        from napari_crbm.anatomy.atlas import open_atlas

        volume = open_atlas(
            atlas,
            names=atlas_names or region_names,
            spacing_um=None if voxel_um is None else numbers(voxel_um, "--voxel-um"),
            orientation=orientation,
        )
        placement = placed(volume, recording, affine, scale_um, columns, centre=centre)
        regions = volume.regions_of(
            placement.apply(recording.positions), level=None if level is None else level - 1
        )
    if only:
        regions = regions.among(
            name for name in regions.names if any(text.lower() in name.lower() for text in only)
        )
    factors = connectome.coupling_factors(
        model.weights_, connectome.hidden_response(model, recording.spikes)
    )
    with progress_bar("Aggregating", "neurons") as advance:
        options: dict[str, Any] = dict(
            rule=rule,
            min_neurons=min_neurons,
            both_sides=both_sides,
            n_shuffles=shuffles,
            seed=seed,
            report=advance,
        )
        if measure == "coupling":
            found = connectome.region_map(factors, regions, **options)
        else:
            kind = cast("Literal['covariance', 'correlation']", measure)
            found = connectome.activity_map(recording.spikes, regions, kind, **options)
    table = found.table()
    if structural is not None or project is not None:
        with progress_bar("Relocating assemblies", "draws") as advance:
            found = connectome.for_comparison(
                found, recording, regions, factors, seed=seed, report=advance
            )
    anatomy = None
    if structural is not None:
        matrix = connectome.read_matrix(structural)
        anatomy = connectome.compare_maps(found, matrix, skip_zero=True, seed=seed)
    if project is not None:
        connectome.add_to_project(
            project,
            animal or recording.name,
            model_path.stem,
            found,
            n_frames=recording.n_frames,
            fingerprint=recording.spikes.fingerprint,
        )
        say(f"Added '{animal or recording.name}' to {project}.")
    if output is not None:
        _write(output, found, model, recording, regions, factors, neuron or [])
        say(f"Wrote tables and figures to {output}.")
    if as_json:
        print_json(
            {
                "measure": found.measure,
                "rule": found.rule,
                "regions": found.names,
                "left_out": found.left_out,
                "connections": table.to_dict(orient="records"),
                "structural": None if anatomy is None else summary(anatomy),
            }
        )
        return
    between = connectome.strongest(found, _LISTED)
    shown = [c for c in ("region_a", "region_b", "value", "expected", "q_value") if c in between]
    out.print(between[shown].to_string(index=False, float_format="{:.3g}".format))
    if found.left_out:
        say(f"Left out, fewer than {min_neurons} neurons: {', '.join(found.left_out)}.")
    if anatomy is not None:
        print_agreement("the structural matrix", anatomy)


def _write(
    output: Path,
    found: RegionMap,
    model: CRBM,
    recording: Recording,
    regions: Regions,
    factors: NDArray[np.float32],
    neurons: list[int],
) -> None:
    """Write tables and figures of a map, and couplings of single neurons."""
    import numpy as np
    import pandas as pd

    from napari_crbm import connectome
    from napari_crbm.analysis import write_table
    from napari_crbm.figures import save_figure
    from napari_crbm.figures.connectivity import composition_figure, connectivity_figure
    from napari_crbm.io.safety.replacing import make_folder

    make_folder(output)
    write_table(found.table(), output / "connections.csv")
    write_table(found.frame(), output / "matrix.csv", index=True)
    write_table(connectome.composition_table(model, regions), output / "composition.csv")
    by_region = connectome.assembly_region_matrix(model, regions)
    write_table(by_region, output / "assemblies_by_region.csv", index=True)
    for number in neurons:
        couplings = connectome.effective_couplings(factors, number)
        table = pd.DataFrame({"neuron": np.arange(len(couplings)), "coupling": couplings})
        write_table(table, output / f"couplings-neuron-{number}.csv")
    for name, figure in (
        ("connectivity", connectivity_figure(found, recording, regions)),
        ("composition", composition_figure(model, regions)),
    ):
        save_figure(figure, output / f"{name}.pdf")
        save_figure(figure, output / f"{name}.png")


def _own_regions(recording: Recording, path: Path, level: int | None) -> Regions:
    from napari_crbm.anatomy.hierarchy import at_level
    from napari_crbm.errors import RecordingError

    if recording.regions is None:
        raise RecordingError(f"{path} holds no brain regions: give an atlas with --atlas.")
    return recording.regions if level is None else at_level(recording.regions, level - 1)


def summary(comparison: Comparison) -> dict[str, object]:
    """Return the statistics of a comparison for JSON."""
    fields: tuple[str, ...] = ("n_pairs", "n_zero", "pearson", "pearson_p")
    fields += ("spearman", "spearman_p", "relocated", "given_nearness", "given_nearness_p")
    fields += ("beyond_nearness", "only_first", "only_second", "unused", "null")
    return {name: getattr(comparison, name) for name in fields}


#: Printed where p-values come from permutations of regions.
PERMUTED = (
    "These p-values come from permuting regions, because the map holds no relocated assemblies. "
    "They are too small, since nearby regions are strongly coupled in every brain. To get "
    "better ones, add maps of couplings of recordings with positions to the project again."
)


def print_agreement(what: str, comparison: Comparison) -> None:
    """Print a comparison in words, with the names of unmatched regions."""
    zero = f", {comparison.n_zero} unconnected left out" if comparison.n_zero else ""
    out.print(
        f"Agreement with {what} over {counted(comparison.n_pairs, 'pair')} of "
        f"{len(comparison.names)} regions{zero}: "
        f"Spearman {comparison.spearman:.2f} (p = {comparison.spearman_p:.3g}), "
        f"Pearson {'of logarithms ' if comparison.logarithmic else ''}{comparison.pearson:.2f} "
        f"(p = {comparison.pearson_p:.3g}).",
        soft_wrap=True,
    )
    for whose, names in (("the map", comparison.only_first), (what, comparison.only_second)):
        if names:
            say(f"Only in {whose}: {', '.join(names)}.")
    if comparison.unused:
        say(f"In both, but without a pair that has a value: {', '.join(comparison.unused)}.")
    out.print(comparison.nearness, soft_wrap=True)
    if comparison.null == "permuted":
        say(PERMUTED)
