"""The pages of the documentation and the code that they show."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Pages that people read; generated ones are made from the code.
PAGES = [
    ROOT / "README.md",
    *sorted(p for p in (ROOT / "docs").rglob("*.md") if "generated" not in p.parts),
]

_BLOCK = re.compile(
    r"^(?:<!--\s*(?P<mark>[^>]*?)\s*-->\n)?```(?P<language>python|bash)\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Snippet:
    """A block of code on a page, and the line where it stands."""

    language: str
    code: str
    line: int
    mark: str

    @property
    def runs(self) -> bool:
        """Whether it is executed; the mark before a block says why it is not."""
        return not self.mark.startswith(("not run:", "test command"))

    @property
    def commands(self) -> list[list[str]]:
        """Its commands in words, of a block of shell."""
        joined = self.code.replace("\\\n", " ")
        parts = [part for line in joined.splitlines() for part in _split(line)]
        return [words for part in parts if (words := shlex.split(part, comments=True))]


def snippets(page: Path) -> list[Snippet]:
    """All blocks of Python and shell on a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Snippet(
            found["language"],
            found["code"],
            text.count("\n", 0, found.start("code")) + 1,
            found["mark"] or "",
        )
        for found in _BLOCK.finditer(text)
    ]


def _split(line: str) -> list[str]:
    return [part for part in line.split("&&") if part.strip()]
