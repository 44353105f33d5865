"""Text files in the encodings that programs write: UTF-8, UTF-16, ANSI."""

from __future__ import annotations

import codecs
from pathlib import Path


def encoding_of(start: bytes) -> str:
    """Return the encoding of a text file from its first bytes.

    UTF-16 and UTF-8 by their marks; else UTF-8 if that is what the bytes are, else ANSI.
    """
    for mark, encoding in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if start.startswith(mark):
            return encoding
    try:
        # The last character may be cut.
        codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def read_text(path: Path) -> str:
    """Read a text file in any usual encoding.

    Raises
    ------
    OSError
    """
    content = path.read_bytes()
    return content.decode(encoding_of(content), errors="replace")
