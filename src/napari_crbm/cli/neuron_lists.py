"""Lists of neurons in text files."""

from __future__ import annotations

from pathlib import Path

from napari_crbm.errors import FormatError


def listed_neurons(path: Path) -> list[int]:
    """Read numbers of neurons from a text file, one a line.

    Raises
    ------
    FormatError
        If there is no such file, or a line holds something else.
    """
    if not path.is_file():
        raise FormatError(f"{path} is no file: name a text file with one neuron number a line.")
    numbers = []
    text = path.read_text(encoding="utf-8", errors="replace")
    for row, line in enumerate(text.splitlines(), start=1):
        word = line.strip()
        if not word or word.startswith("#"):
            continue
        if not (word.isascii() and word.isdigit() and len(word) < 12):
            raise FormatError(
                f"{path}, line {row}: found '{word[:40]}', expected the number of a neuron, such "
                "as 12."
            )
        numbers.append(int(word))
    if not numbers:
        raise FormatError(f"{path} lists no neurons: write one number a line.")
    return numbers
