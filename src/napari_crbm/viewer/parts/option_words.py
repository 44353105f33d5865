"""Messages of the library in the words of the viewer."""

from __future__ import annotations

import re

from napari_crbm.declarations import declared
from napari_crbm.io.options import ReadOptions

# Fields of the Recording dock that are not in its form of reading options.
_ELSEWHERE = {
    "keep_unlabelled": "Leave out neurons in no region",
    "binarise": "Detect events in fluorescence",
}


def in_words_of_the_viewer(message: str) -> str:
    """Replace options on how a file is read by the names of their fields in the Recording dock.

    "Give --frame-rate-hz." becomes "Give 'Frame rate'."
    """
    for each in declared(ReadOptions):
        label = f"'{_ELSEWHERE.get(each.name, each.label)}'"
        flag = re.escape(each.option.split("/")[0])
        # "the option bin_s (--bin-s)", "(--bin-s)", "--bin-s", "bin_s"
        if "_" in each.name:
            message = re.sub(rf"(the option )?\b{each.name}\b( \({flag}\))?(?! *=)", label, message)
        message = re.sub(rf"\({flag}\)", f"({label})", message)
        message = re.sub(rf"(the option )?{flag}(?![\w-])", label, message)
    return message
