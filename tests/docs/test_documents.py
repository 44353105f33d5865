"""What the documents say of the code is so: constants, options, settings, files, links."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import re
import sys

import numpy as np
import pytest

from napari_crbm.model import Settings
from tests.docs.pages import PAGES, ROOT, snippets

sys.path.append(str(ROOT / "docs" / "_extensions"))
SOURCE = ROOT / "src" / "napari_crbm"
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]


def stated_constants():
    """Rows of the method's tables: value, and where it stands in the code."""
    text = (ROOT / "docs" / "method.md").read_text(encoding="utf-8")
    row = re.compile(r"^\| [^|]+ \| ([^|]+) \| .*\| `([\w/]+\.py)` `(\w+)` \|$", re.MULTILINE)
    return [found.groups() for found in row.finditer(text)]


def test_the_method_lists_constants():
    assert len(stated_constants()) > 80


@pytest.mark.parametrize(("value", "path", "name"), stated_constants())
def test_a_constant_has_the_value_that_the_method_states(value, path, name):
    module = "napari_crbm." + path.removesuffix(".py").replace("/", ".")
    assert getattr(importlib.import_module(module), name) == ast.literal_eval(value)


#: Folders whose constants decide results.
DECIDING = (
    "model/start",
    "model/training",
    "model/sampling",
    "model/members",
    "analysis",
    "connectome",
)
#: Constants that do not: memory, time, display, files, streams of random numbers, rounding.
OTHER = re.compile(
    r"AT_ONCE|VOXELS|VERSION|SEED|CONSTANT|ROUNDING|SMALLEST_SD|TOLERANCE|ITERATIONS|_S$|TILE|VECTOR"
    r"|BRIGHTEST|NAMED|LISTED|MILLI|PIECES|CUMULANTS|NOTHING|REDRAWS|STEPS| _LONGEST$|CUBE|_GAP"
    r"| _(CHAINS|REVISION|SHUFFLE|TRAIN|TEST|VALIDATION|ANNEAL|ADVANCE|START|PROPOSE|GIBBS|HIDDEN)$"
    r"|switching.py _NEURONS|time_estimate|pairs.py|MIDLINE_BIN|MAX_NEURONS_FOR_PAIRS"
    r"|gaussian_mixture.py _FRAMES|_PARTS|explained.py LEVEL|health/positions.py _SHORTEST|_FEWEST$"
)


def numbers(path):
    """Yield the names of the module's constants that are numbers or tuples of numbers."""
    for line in ast.parse(path.read_text(encoding="utf-8")).body:
        if not isinstance(line, (ast.Assign, ast.AnnAssign)) or line.value is None:
            continue
        targets = line.targets if isinstance(line, ast.Assign) else [line.target]
        try:
            values = np.ravel(ast.literal_eval(line.value))
        except ValueError:
            continue
        if values.size and values.dtype.kind in "if":
            yield from (each.id for t in targets for each in ast.walk(t) if hasattr(each, "id"))


def test_every_constant_that_decides_a_result_is_in_the_method():
    stated = {(path, name) for _, path, name in stated_constants()}
    found = {
        (path.relative_to(SOURCE).as_posix(), name)
        for folder in DECIDING
        for path in (SOURCE / folder).rglob("*.py")
        for name in numbers(path)
    }
    missing = {each for each in found - stated if not OTHER.search(" ".join(each))}
    assert not missing, f"state in docs/method.md, or list here why not: {sorted(missing)}"
    assert len(found & stated) > 150


def test_every_setting_is_on_the_settings_page():
    import settings_page

    text = "".join(settings_page.pages().values())
    for field in dataclasses.fields(Settings):
        assert f"`{field.name}`" in text


def test_every_command_and_option_is_on_its_page():
    import command_pages
    import typer.main

    from napari_crbm.cli.app import app

    pages = command_pages.pages()
    for name, command in typer.main.get_command(app).commands.items():
        text = pages[f"command-{name}.md"]
        assert f"`{name}`" in pages["commands.md"]
        for parameter in command.params:
            if parameter.param_type_name == "option" and not parameter.hidden:
                assert all(f"`{option}`" in text for option in parameter.opts), parameter.name


@pytest.mark.parametrize("page", [*TOP, *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    text = page.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#\s]+)", text):
        if "://" in target or "generated/" in target:
            continue
        assert (page.parent / target).exists(), target


def test_snippets_that_do_not_run_say_why():
    for page in PAGES:
        for snippet in snippets(page):
            if snippet.mark.startswith("not run:"):
                assert len(snippet.mark) > len("not run: ")


def test_contributing_names_files_that_exist():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|tests|docs|benchmarks)/[\w./-]+)`", text)
    assert len(named) > 20
    for path in named:
        assert (ROOT / path).exists(), path


def test_the_tables_of_the_benchmarks_are_those_of_the_results(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import summary

    texts = [path.read_text(encoding="utf-8") for path in summary.PAGES]
    assert sum(text.count("<!-- table:") for text in texts) > 10
    for text in texts:
        assert summary.page(text) == text
