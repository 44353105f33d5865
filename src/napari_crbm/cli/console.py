"""Messages, tables, progress bars and arguments shared by commands."""

from __future__ import annotations

import io
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from napari_crbm.cli.reading import in_options

# Texts may come from files or the user, so markup and emoji codes are printed as they are.
_PLAIN: dict[str, Any] = {"markup": False, "emoji": False, "highlight": False}
out = Console(**_PLAIN)
err = Console(stderr=True, **_PLAIN)

RecordingPath = Annotated[
    Path,
    typer.Argument(
        metavar="RECORDING",
        help="Recording: .h5, .nwb, .mat, .npz, .nc, .h5ad, or the folder of an imaging program.",
        show_default=False,
    ),
]
ModelPath = Annotated[
    Path, typer.Argument(metavar="MODEL", help="Trained model file (.h5).", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print machine-readable JSON instead.")]


def complain(message: str) -> None:
    """Print an error to standard error."""
    err.print(Text("Error: ", style="bold red"), in_options(message), sep="", soft_wrap=True)


def warn(message: str) -> None:
    """Print a warning to standard error."""
    err.print(Text("Warning: ", style="yellow"), in_options(message), sep="", soft_wrap=True)


def say(message: str) -> None:
    """Print a remark to standard error, so that standard output stays data."""
    err.print(message, soft_wrap=True)


def counted(number: int, noun: str, plural: str = "") -> str:
    """Return a number with its noun, such as "1 pair" or "1,200 neurons"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def write_any_text() -> None:
    """Write characters that a terminal or file cannot encode as escape sequences."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_json(data: Any) -> None:
    """Print strict JSON: NaN and infinities become null."""
    typer.echo(json.dumps(_plain(data), indent=2, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)


def print_pairs(title: str, pairs: dict[str, str]) -> None:
    """Print labels and values as a two-column table."""
    table = Table(title=title, title_justify="left", show_header=False, box=None, pad_edge=False)
    table.add_column(style="dim")
    table.add_column()
    for label, value in pairs.items():
        table.add_row(label, value)
    out.print(table)


@contextmanager
def progress_bar(description: str, unit: str = "") -> Iterator[Callable[..., None]]:
    """Show a bar with the remaining time on standard error.

    Yields
    ------
    callable
        ``advance(done, total, note="")``, to call during the work.
    """
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        _Count(),
        TextColumn(unit, markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}", markup=False),
    )
    with Progress(*columns, console=err, expand=False) as bar:
        task = bar.add_task(description, total=None, note="")

        def advance(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=note)

        try:
            yield advance
        finally:
            if bar.tasks[0].total is None:
                # Nothing was counted, so the final bar would carry no information.
                bar.update(task, visible=False)


class _Count(MofNCompleteColumn):
    """Column of done and total counts; empty until the total is known."""

    def render(self, task: Task) -> Text:
        """Return the counts of a task."""
        return Text() if task.total is None else super().render(task)


MODEL_ENDINGS = RECORDING_ENDINGS = (".h5", ".hdf5")
FIGURE_ENDINGS = (".png", ".pdf", ".svg")


def require_writable(
    path: Path,
    force: bool,
    inputs: Iterable[Path | None] = (),
    *,
    endings: tuple[str, ...] = (),
) -> None:
    """Refuse an output that is an input, exists without ``--force``, or cannot be written.

    Also refuse a file name with the wrong ending.
    """
    from napari_crbm.errors import CRBMError
    from napari_crbm.io.safety.replacing import require_replaceable, same_file, try_writing

    require_ending(path, endings)
    for source in inputs:
        if source is not None and same_file(path, source):
            raise CRBMError(
                f"{path} is an input of this command, which is never overwritten: choose another "
                "name for the output."
            )
    if path.is_dir():
        raise CRBMError(f"{path} is a folder: name a file in it.")
    require_replaceable(path)
    if path.exists() and not force:
        raise CRBMError(f"{path} exists already: choose another name, or add --force.")
    try_writing(path.parent)


def require_ending(path: Path | None, endings: tuple[str, ...], hint: str = "") -> None:
    """Refuse a file name that has none of the given endings."""
    if path is not None and endings and path.suffix.lower() not in endings:
        raise typer.BadParameter(
            f"'{path.name}' must end in {one_of(endings)}.", param_hint=hint or None
        )


def require_choice(value: str, choices: Sequence[str], option: str) -> None:
    """Refuse a word that is not one of the choices of an option."""
    if value not in choices:
        raise typer.BadParameter(f"'{value}' is not {one_of(choices)}.", param_hint=option)


def refuse_without(needed: str, present: bool, **options: object) -> None:
    """Refuse options that were given without the option they depend on.

    Parameters
    ----------
    needed : str
        Option that they depend on, as typed.
    present : bool
        Whether that option was given.
    **options : object
        Values by name; None, False and an empty list were not given.
    """
    if present:
        return
    for name, value in options.items():
        if value is not None and value is not False and value != []:
            raise typer.BadParameter(
                f"has no effect without {needed}.", param_hint=f"--{name.replace('_', '-')}"
            )


def one_of(words: Sequence[str]) -> str:
    """Return words joined as an alternative: "a, b or c"."""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
