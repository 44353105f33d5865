"""What commands share: messages, tables, progress bars, common arguments."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

out = Console()
err = Console(stderr=True)

RecordingPath = Annotated[
    Path,
    typer.Argument(
        metavar="RECORDING",
        help="Recording: .h5, .nwb, .mat, .npz, or the folder of an imaging program.",
        show_default=False,
    ),
]
ModelPath = Annotated[
    Path, typer.Argument(metavar="MODEL", help="Trained model file (.h5).", show_default=False)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print machine-readable JSON instead.")]


def complain(message: str) -> None:
    """Print an error to standard error."""
    err.print(f"[bold red]Error:[/] {message}", highlight=False, soft_wrap=True)


def say(message: str) -> None:
    """Print a remark to standard error, so that standard output stays data."""
    err.print(message, highlight=False, soft_wrap=True)


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
        ``advance(done, total, note="")`` to call as work goes on.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.fields[note]}"),
    )
    with Progress(*columns, console=err, expand=False) as bar:
        task = bar.add_task(description, total=None, note="")

        def advance(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=note)

        yield advance


def require_writable(path: Path, force: bool, inputs: Iterable[Path | None] = ()) -> None:
    """Refuse an output that is an input, exists without ``--force``, or cannot be written."""
    from napari_crbm.errors import CRBMError
    from napari_crbm.io.safety.replacing import same_file, try_writing

    for source in inputs:
        if source is not None and same_file(path, source):
            raise CRBMError(
                f"{path} is an input of this command, which is never overwritten: choose another "
                "name for the output."
            )
    if path.is_dir():
        raise CRBMError(f"{path} is a folder: name a file in it.")
    if path.exists() and not force:
        raise CRBMError(f"{path} exists already: choose another name, or add --force.")
    try_writing(path.parent)
