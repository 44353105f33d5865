"""Pages made from the code before every build: commands, settings and the library.

They are written to ``docs/reference/generated``, which is not under version control.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import command_pages
import library_pages
import settings_page
from sphinx.application import Sphinx

# Bars around a word, unless a literal or a formula precedes it on the line.
_BARS = re.compile(r"(?<![`|\\])\|([\w.]+)\|(?![`|])")


def write_pages(app: Sphinx) -> None:
    """Write all generated pages; pages that did not change keep their time."""
    folder = Path(app.srcdir) / "reference" / "generated"
    pages = {**command_pages.pages(), **settings_page.pages(), **library_pages.pages()}
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.name not in pages:
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    for name, text in pages.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _skip_tuple_fields(
    _app: Sphinx, _what: str, _name: str, member: object, skip: bool, _options: object
) -> bool | None:
    """Leave out "Alias for field number 0": the class's own docstring describes its fields."""
    return True if type(member).__name__ == "_tuplegetter" else None


def _escape_bars(
    _app: Sphinx, _what: str, _name: str, _object: object, _options: object, lines: list[str]
) -> None:
    """Keep |w| from being taken for a substitution, outside of formulas and literals."""
    if not any("math::" in line for line in lines):
        lines[:] = [_BARS.sub(r"\\|\1\\|", line) for line in lines]


def setup(app: Sphinx) -> dict[str, Any]:
    """Write the pages when a build begins."""
    app.connect("builder-inited", write_pages)
    app.connect("autodoc-skip-member", _skip_tuple_fields)
    app.connect("autodoc-process-docstring", _escape_bars)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
