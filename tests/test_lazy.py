"""Public names imported on first use: each resolves where its package says, none is forgotten."""

import ast
import importlib
from pathlib import Path

import pytest

PACKAGES = ["analysis", "io", "model", "preprocessing", "simulation"]


@pytest.fixture(params=PACKAGES)
def package(request):
    return importlib.import_module(f"napari_crbm.{request.param}")


def places(package) -> dict[str, str]:
    """Module of every public name, as the package finds it."""
    found = {}
    for home, names in package._HOMES.items():
        module = home if home.startswith("napari_crbm.") else f"{package.__name__}.{home}"
        if not names:
            module, _, name = module.rpartition(".")
            names = (name,)
        found.update(dict.fromkeys(names, module))
    return found


def test_every_public_name_resolves_and_nothing_else_does(package):
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(places(package)) == set(package.__all__)
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = package.nonsense


def test_type_checkers_see_the_same_names_at_the_same_places(package):
    tree = ast.parse(Path(package.__file__).read_text())
    seen = {
        alias.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module.startswith("napari_crbm")
        for alias in node.names
    }
    seen.pop("lazy_names")
    assert seen == places(package)
