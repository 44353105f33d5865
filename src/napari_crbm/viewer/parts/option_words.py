"""Messages of the library in the words of the viewer."""

from __future__ import annotations

from napari_crbm.declarations import declared
from napari_crbm.io.options import ReadOptions, naming_fields

# Fields of the Recording dock that are not in its form of reading options.
_ELSEWHERE = {
    "keep_unlabelled": "Leave out neurons in no region",
    "binarise": "Detect events in fluorescence",
}


def in_words_of_the_viewer(message: str) -> str:
    """Replace options on how a file is read by the names of their fields in the Recording dock.

    "Give --frame-rate-hz." becomes "Give 'Frame rate'."
    """
    labels = {each.name: each.label for each in declared(ReadOptions)} | _ELSEWHERE
    return naming_fields(message, {name: f"'{label}'" for name, label in labels.items()})
