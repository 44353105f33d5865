"""Print the lowest version of every direct dependency, as constraints for pip.

Read from pyproject.toml, so that the versions that CI installs are the bounds that users see:
``python .ci/lowest.py > lowest.txt && pip install -c lowest.txt ".[nwb]"``.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"
# Tools of those who work on the project, which have versions of their own.
LEFT_OUT = {"docs", "test"}


def constraints(project: dict) -> Iterator[str]:
    """Yield ``name==version`` for every requirement of the form ``name[extra]>=version``."""
    extras = project["optional-dependencies"]
    groups = [project["dependencies"], *(extras[name] for name in extras if name not in LEFT_OUT)]
    for requirement in sorted({one for group in groups for one in group}):
        if found := re.match(r"([\w.-]+)(?:\[[\w,-]+\])?>=([\w.]+)", requirement):
            yield f"{found[1]}=={found[2]}"


if __name__ == "__main__":
    print(*constraints(tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]), sep="\n")
