"""What a dock computes for itself ends with the dock; files are written to the end."""

import ast
from pathlib import Path

import napari_crbm.viewer.docks

DOCKS = Path(napari_crbm.viewer.docks.__file__).parent
# A file that was asked for is written even if the dock is closed meanwhile.
WRITING = ("Drawing ", "Writing", "Saving ", "Adding to ")
# The training goes on without its dock, and so does what it is continued from.
OTHERS = {"files.py"}


def jobs():
    """All calls of ``home.run`` in docks: file, line, text, whether they have an owner."""
    for path in sorted(DOCKS.rglob("*.py")):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
                continue
            target = ast.unparse(call.func)
            if target in ("self.home.run", "self._home.run", "home.run"):
                text = ast.unparse(call.args[0]).lstrip("f").strip("'\"")
                owned = any(keyword.arg == "owner" for keyword in call.keywords)
                yield path, call.lineno, text, owned


def test_every_job_of_a_dock_ends_with_it():
    found = list(jobs())
    assert len(found) > 20
    loose = [
        f"{path.relative_to(DOCKS)}:{line} {text}"
        for path, line, text, owned in found
        if not owned and not text.startswith(WRITING) and path.name not in OTHERS
    ]
    assert loose == []
