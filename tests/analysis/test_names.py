"""Public names of the analysis: each resolves where the lazy table says, and none is forgotten."""

import ast
from pathlib import Path

import napari_crbm.analysis as analysis


def test_every_public_name_resolves_and_nothing_else_does():
    for name in analysis.__all__:
        assert getattr(analysis, name) is not None
    assert set(analysis._MODULES) == set(analysis.__all__)


def test_type_checkers_see_the_same_names_at_the_same_places():
    tree = ast.parse(Path(analysis.__file__).read_text())
    seen = {
        alias.name: node.module.removeprefix("napari_crbm.")
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("napari_crbm")
        for alias in node.names
    }
    assert seen == analysis._MODULES
