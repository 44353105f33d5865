"""Modules stay short, and no module needs itself, lazy imports included."""

from collections.abc import Iterator
from pathlib import Path

import grimp

from tests.conftest import FIRST, TESTS

SOURCE = Path(__file__).parents[1] / "src" / "napari_crbm"
MOST_LINES = 400


def test_no_module_is_longer_than_400_lines():
    lengths = {
        path.relative_to(SOURCE).as_posix(): len(path.read_text(encoding="utf-8").splitlines())
        for path in SOURCE.rglob("*.py")
    }
    assert len(lengths) > 100
    too_long = {name: n for name, n in lengths.items() if n > MOST_LINES}
    assert not too_long


def circles(imports: dict[str, set[str]]) -> Iterator[frozenset[str]]:
    """Modules that import each other, directly or through others (Tarjan's algorithm)."""
    number: dict[str, int] = {}
    lowest: dict[str, int] = {}
    open_ones: list[str] = []

    def visit(module: str) -> Iterator[frozenset[str]]:
        number[module] = lowest[module] = len(number)
        open_ones.append(module)
        for other in sorted(imports[module]):
            if other not in number:
                yield from visit(other)
                lowest[module] = min(lowest[module], lowest[other])
            elif other in open_ones:
                lowest[module] = min(lowest[module], number[other])
        if lowest[module] == number[module]:
            place = open_ones.index(module)
            group = frozenset(open_ones[place:])
            del open_ones[place:]
            if len(group) > 1 or module in imports[module]:
                yield group

    for module in sorted(imports):
        if module not in number:
            yield from visit(module)


def test_circles_are_found():
    imports = {"a": {"b"}, "b": {"c", "d"}, "c": {"b"}, "d": set(), "e": {"e", "a"}}
    assert set(circles(imports)) == {frozenset({"b", "c"}), frozenset({"e"})}


def test_no_module_imports_itself_through_others():
    graph = grimp.build_graph("napari_crbm", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    # Imports inside functions are seen, too.
    assert "napari_crbm.cli.app" in imports["napari_crbm.cli"]
    assert not [sorted(circle) for circle in circles(imports)]


def test_the_files_that_are_tested_first_exist():
    assert all((TESTS / name).is_file() for name in FIRST)
