"""Benchmarks are run by hand, so that a name that moved would be missed only then."""

import runpy
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "benchmarks"
# What several benchmarks and the tour use.
SHARED = {"loop_watch"}
WITH_A_SCREEN = {"event_loop", "viewer"}


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_a_benchmark_finds_all_that_it_imports(path, monkeypatch):
    if path.stem in WITH_A_SCREEN:
        pytest.importorskip("qtpy.QtWidgets", exc_type=ImportError)
        pytest.importorskip("napari")
    monkeypatch.syspath_prepend(FOLDER)
    names = runpy.run_path(str(path), run_name="imported")
    if path.stem not in SHARED:
        assert callable(names["main"])
