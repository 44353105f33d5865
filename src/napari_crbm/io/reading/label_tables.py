"""Labels of assemblies in a table: names, stars, tags, notes and colours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_crbm.errors import FormatError, LabelError
from napari_crbm.io.reading.tables import SUFFIXES, read_frame
from napari_crbm.labels import Label, tags_from

_YES, _NO = {"true", "1", "1.0", "yes", "x"}, {"false", "0", "0.0", "no", "", "nan"}


def read_labels(path: Path | str) -> dict[int, Label]:
    """Read the labels of assemblies from a table, such as one that ``assemblies -o`` has written.

    Parameters
    ----------
    path : path
        A table with a column ``assembly`` and any of ``name, starred, tags, note, colour``;
        commas separate tags. Other columns are ignored.

    Raises
    ------
    FormatError
        If there is no such table or column, or a cell cannot be read.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise FormatError(f"'{path.name}' is no table: it must end in {', '.join(SUFFIXES)}.")
    if not path.is_file():
        raise FormatError(f"There is no file {path}.")
    table = read_frame(path)
    table.columns = [str(name).strip().lower() for name in table.columns]
    if "assembly" not in table:
        raise FormatError(
            f"{path.name} needs a column 'assembly' with the numbers of assemblies; found "
            f"{', '.join(map(repr, table.columns))}."
        )
    found = {}
    for row, values in enumerate(table.to_dict(orient="records"), start=2):
        try:
            number = float(values["assembly"])
            if number != int(number) or number < 0:
                raise ValueError
        except (TypeError, ValueError, OverflowError):
            raise FormatError(
                f"{path.name}, line {row}: found '{values['assembly']}' in the column 'assembly', "
                "expected the number of an assembly, such as 12."
            ) from None
        try:
            found[int(number)] = Label(
                _text(values.get("name")),
                _is_yes(values.get("starred"), f"{path.name}, line {row}"),
                tags_from(_text(values.get("tags"))),
                _text(values.get("note")),
                _text(values.get("colour")),
            )
        except LabelError as error:
            raise FormatError(f"{path.name}, line {row}: {error}") from error
    return found


def _text(value: Any) -> str:
    """Return the text of a cell, empty for an empty one."""
    return "" if value is None or value != value else str(value)


def _is_yes(value: Any, where: str) -> bool:
    text = _text(value).strip().lower()
    if text not in _YES | _NO:
        raise FormatError(f"{where}: found '{text}' in the column 'starred', expected yes or no.")
    return text in _YES
