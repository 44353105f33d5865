"""``napari-crbm perturb``: expected co-activity given silenced or driven neurons."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

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
    say,
    warn,
)
from napari_crbm.cli.formats import TableFormat, table_format
from napari_crbm.cli.members import with_members
from napari_crbm.cli.neuron_lists import listed_neurons

if TYPE_CHECKING:
    import pandas as pd

    from napari_crbm.model import CRBM
    from napari_crbm.perturbation import Coactivity, Perturbation
    from napari_crbm.perturbation.perturbations import Kind
    from napari_crbm.recording import Recording

_LISTED = 10


@with_members
@reading.with_options
def perturb(
    model_path: ModelPath,
    recording_path: RecordingPath,
    assembly: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Perturb this assembly; repeatable.", show_default=False),
    ] = None,
    region: Annotated[
        list[str] | None,
        typer.Option(help="Perturb the neurons of this region; repeatable.", show_default=False),
    ] = None,
    neuron: Annotated[
        list[int] | None,
        typer.Option(
            min=0, help="Perturb these neurons as one group; repeatable.", show_default=False
        ),
    ] = None,
    neurons: Annotated[
        Path | None,
        typer.Option(help="Perturb the neurons listed in this text file, one number a line."),
    ] = None,
    screen: Annotated[
        str | None,
        typer.Option(help="Perturb each in turn: 'assemblies' or 'regions'.", show_default=False),
    ] = None,
    kind: Annotated[
        str,
        typer.Option(
            help="'silence' all neurons of the group, 'drive' it to a level, or 'hold' an assembly."
        ),
    ] = "drive",
    level: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="With 'drive': so many neurons of the group are active, at least.",
            show_default="the 95 % quantile over the recorded frames",
        ),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            help="With 'hold': 'on', 'off' or a value of the activity.", show_default="on"
        ),
    ] = None,
    dose: Annotated[
        bool, typer.Option("--dose", help="Repeat at several levels that were recorded.")
    ] = False,
    other: Annotated[
        list[Path] | None,
        typer.Option(
            "--other-model",
            help="Another model of the recording (other seed, or a half); repeatable. With at "
            "least two of them the tables show the uncertainty between models.",
            show_default=False,
        ),
    ] = None,
    null: Annotated[
        int,
        typer.Option(min=0, help="Random groups of matching activities to compare with; 0: none."),
    ] = 0,
    states: Annotated[
        int | None,
        typer.Option(
            min=400, help="States drawn from the model for all questions.", show_default="9000"
        ),
    ] = None,
    temporal: Annotated[
        Path | None,
        typer.Option(
            help="Temporal model of MODEL: predict the course over seconds with and without the "
            "perturbation.",
            show_default=False,
        ),
    ] = None,
    frame: Annotated[
        list[int] | None,
        typer.Option(
            min=0,
            help="With --temporal: the perturbation begins after this recorded frame; repeatable.",
            show_default="16 held-out frames",
        ),
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.01, help="With --temporal: seconds to predict.", show_default="8"),
    ] = None,
    lasting: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="With --temporal: seconds that the perturbation lasts.",
            show_default="to the end",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the chains and random groups.")] = 0,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Folder for the tables summary, neurons, assemblies, regions and recorded; with "
            "--temporal response_assemblies, response_regions and response_neurons.",
        ),
    ] = None,
    file_format: TableFormat = None,
    figure: Annotated[
        Path | None,
        typer.Option(help="Figure to write (.pdf, .svg or .png). Not with --screen."),
    ] = None,
    as_json: AsJson = False,
    *,
    opening: dict[str, Any],
    definition: dict[str, Any],
) -> None:
    """Compute the activity that a model expects given silent or driven neurons (co-activity).

    With --temporal: the predicted response, a course over seconds.
    """
    from napari_crbm.cli.pairing import open_pair
    from napari_crbm.io import load_model
    from napari_crbm.perturbation import KINDS, coactivity

    require_choice(kind, KINDS, "--kind")
    if screen is not None:
        require_choice(screen, ("assemblies", "regions"), "--screen")
    refuse_without("--kind drive", kind == "drive", level=level)
    refuse_without("--kind hold", kind == "hold", state=state)
    given = [
        name
        for name, value in (
            ("--assembly", assembly),
            ("--region", region),
            ("--neuron", neuron),
            ("--neurons", neurons),
            ("--screen", screen),
        )
        if value
    ]
    if len(given) != 1:
        raise typer.BadParameter(
            "name what to perturb, in one way: --assembly, --region, --neuron, --neurons or "
            f"--screen; found {', '.join(given) or 'none'}."
        )
    if kind == "hold" and given[0] not in ("--assembly", "--screen"):
        raise typer.BadParameter("only assemblies can be held.", param_hint=given[0])
    if kind == "hold" and null:
        raise typer.BadParameter(
            "has no effect with --kind hold: random groups of neurons cannot be held.",
            param_hint="--null",
        )
    if screen is not None and (dose or figure is not None):
        raise typer.BadParameter(
            "has no effect with --screen.", param_hint="--dose" if dose else "--figure"
        )
    refuse_without(
        "--temporal", temporal is not None, frame=frame, seconds=seconds, lasting=lasting
    )
    if temporal is not None:
        _refuse_in_time(screen=screen, dose=dose, other_model=other, null=null, states=states)
    require_ending(figure, FIGURE_ENDINGS, "--figure")
    file_format = table_format(file_format, output)
    model, recording = open_pair(model_path, recording_path, opening, definition)
    others = [load_model(path) for path in other or []]
    asked = _asked(
        model,
        recording,
        assembly=assembly or [],
        region=region or [],
        group=listed_neurons(neurons) if neurons is not None else neuron or [],
        group_name="" if neurons is None else neurons.stem,
        screen=screen,
        kind=cast("Kind", kind),
        level=level,
        state=_state(state),
    )
    if temporal is not None:
        from napari_crbm.cli.perturb_in_time import predict
        from napari_crbm.perturbation.course import SECONDS

        if len(asked) > 1:
            raise typer.BadParameter(
                "predicts the course of one perturbation: name one group.", param_hint="--temporal"
            )
        predict(
            temporal,
            model,
            recording,
            asked[0],
            frames=frame or None,
            seconds=SECONDS if seconds is None else seconds,
            lasting=lasting,
            seed=seed,
            output=output,
            file_format=file_format,
            figure=figure,
            as_json=as_json,
        )
        return
    if dose:
        from napari_crbm.perturbation import Recorded, dose_curve

        recorded = Recorded(model, recording.spikes)
        asked = [each for one in asked for each in dose_curve(one, recorded)]
    if figure is not None and len(asked) > 1 and not dose:
        raise typer.BadParameter(
            "draws one perturbation, or its --dose curve: name one group.", param_hint="--figure"
        )
    from napari_crbm.perturbation.pool import N_STATES

    with progress_bar("Expected co-activity") as advance:
        found = coactivity(
            [model, *others],
            recording,
            asked,
            n_null=null,
            n_states=states or N_STATES,
            random_state=seed,
            report=lambda what, done, total: advance(done, total, what),
        )
    if output is not None:
        from napari_crbm.analysis.export.tables import write_tables
        from napari_crbm.perturbation.tables import tables

        paths = write_tables(tables(found), output, file_format)
        say(f"Wrote {', '.join(path.name for path in paths)} to {output}.")
    if figure is not None:
        from napari_crbm.figures import coactivity_figure, save_figure

        say(f"Wrote {save_figure(coactivity_figure(found, recording), figure)}.")
    if as_json:
        print_json([_as_json(each) for each in found])
        return
    _show(found)


def _asked(
    model: CRBM,
    recording: Recording,
    *,
    assembly: list[int],
    region: list[str],
    group: list[int],
    group_name: str,
    screen: str | None,
    kind: Kind,
    level: int | None,
    state: str | float,
) -> list[Perturbation]:
    """Return the questions that the options ask."""
    from napari_crbm.errors import RecordingError
    from napari_crbm.perturbation import (
        drive,
        of_assembly,
        screen_assemblies,
        screen_regions,
        silence,
    )

    def ask(members: Any, name: str) -> Perturbation:
        return silence(members, name) if kind == "silence" else drive(members, level, name)

    if screen == "assemblies":
        return screen_assemblies(model, kind, state, level)
    if screen == "regions":
        return screen_regions(recording.regions, kind, level=level)
    if assembly:
        return [of_assembly(model, number, kind, state, level) for number in assembly]
    if region:
        if recording.regions is None:
            raise RecordingError(f"'{recording.name}' has no regions: name neurons or assemblies.")
        return [ask(recording.regions.members(name), name) for name in region]
    name = group_name or (f"neuron {group[0]}" if len(group) == 1 else "the group")
    return [ask(group, name)]


def _refuse_in_time(**given: object) -> None:
    """Refuse options that only the model without time has."""
    for name, value in given.items():
        if value:
            raise typer.BadParameter(
                "has no effect with --temporal.", param_hint=f"--{name.replace('_', '-')}"
            )


def _state(text: str | None) -> str | float:
    """Return 'on', 'off' or a number."""
    if text is None or text in ("on", "off"):
        return text or "on"
    try:
        return float(text)
    except ValueError as error:
        raise typer.BadParameter(
            f"'{text}' is not 'on', 'off' or a number.", param_hint="--state"
        ) from error


def _as_json(found: Coactivity) -> dict[str, Any]:
    neurons = found.neurons[found.neurons["clear"] & ~found.neurons["in_group"]]
    return {
        **found.summary,
        "sentences": list(found.sentences),
        "neurons": _records(neurons),
        "assemblies": _records(found.assemblies),
        "regions": _records(found.regions),
    }


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return cast("list[dict[str, Any]]", table.reset_index().to_dict(orient="records"))


def _show(found: list[Coactivity]) -> None:
    """Print the answers in words and short tables."""
    from napari_crbm.perturbation import MEANING

    out.print(MEANING, soft_wrap=True)
    for each in found:
        out.print(f"\nGiven {each.perturbation.words}:", soft_wrap=True)
        group = each.neurons["in_group"]
        rest = each.neurons[~group]
        outside = "other neurons" if group.any() else "neurons"
        out.print(
            f"{int(rest['clear'].sum()):,} of {len(rest):,} {outside} change clearly; mean "
            f"change {100 * rest['change'].mean():+.2f} percentage points.",
            soft_wrap=True,
        )
        if len(found) == 1:
            for title, table, factor in (
                ("Regions, percentage points:", each.regions, 100.0),
                ("Assemblies, SD of their recorded activity:", each.assemblies, 1.0),
            ):
                shown = table.dropna(subset="change")
                shown = shown.reindex(shown["change"].abs().sort_values(ascending=False).index)
                columns = [c for c in _COLUMNS if not shown[c].isna().all()]
                if len(shown):
                    out.print(title)
                    out.print(
                        (factor * shown[columns].head(_LISTED)).to_string(
                            float_format=lambda value: f"{value:+.2f}"
                        )
                    )
        out.print(each.agreement.sentence, soft_wrap=True)
        for sentence in each.cautions:
            warn(sentence)


_COLUMNS = (
    "change",
    "chain_low",
    "chain_high",
    "model_low",
    "model_high",
    "null_low",
    "null_high",
)
