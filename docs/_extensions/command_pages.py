"""One page a command, from the tree of commands that typer builds.

Only what click calls a help record is read, which all versions of typer and click have.
"""

from __future__ import annotations

import re
from typing import Any

import typer.main

from napari_crbm.cli.app import app

# What typer writes behind a help text: the default, the range, "required".
_REMARK = re.compile(r"\s*\[(default: [^\]]*|required|[^\]]*x[^\]]*|[\d.]+<=x[^\]]*)\]\s*$")
_KINDS = {
    "bool": "",
    "float": "number",
    "float range": "number",
    "int": "whole number",
    "int range": "whole number",
    "str": "text",
    "text": "text",
    "path": "file or folder",
    "datetime": "date and time",
}


def pages() -> dict[str, str]:
    """Return the text of every page by file name."""
    program: Any = typer.main.get_command(app)
    commands = dict(sorted(program.commands.items()))
    out = {"commands.md": _index(commands)}
    for name, command in commands.items():
        out[f"command-{name}.md"] = _page(name, command)
    return out


def _index(commands: dict[str, Any]) -> str:
    rows = [
        f"| [`{name}`](command-{name}.md) | {_cell(_paragraphs(command.help)[0])} |"
        for name, command in commands.items()
    ]
    listed = "\n".join(f"command-{name}" for name in commands)
    return (
        "# Commands\n\n"
        "These pages are made from the commands themselves; `napari-crbm COMMAND --help` prints "
        "the same.\n\n"
        "| command | what it does |\n|---|---|\n" + "\n".join(rows) + "\n\n"
        "`napari-crbm --version` prints the version. The exit code is 0 if all went well; 1 if a "
        "file, a setting or an option cannot be used (one sentence on standard error says why); 2 "
        "if the command line itself is wrong; 70 for a bug; 130 if the command was interrupted.\n\n"
        f"```{{toctree}}\n:hidden:\n\n{listed}\n```\n"
    )


def _page(name: str, command: Any) -> str:
    context = command.make_context(name, [], resilient_parsing=True)
    records = [(param, param.get_help_record(context)) for param in command.params]
    arguments = [record for param, record in records if param.param_type_name == "argument"]
    placeholders = [re.sub(r"\s*<[^>]*>$", "", names) for names, _ in arguments]
    usage = " ".join(["napari-crbm", name, *placeholders, "[OPTIONS]"])
    text = f"# {name}\n\n" + "\n\n".join(_paragraphs(command.help))
    text += f"\n\n```text\n{usage}\n```\n"
    if arguments:
        text += "\n## Arguments\n\n| argument | meaning |\n|---|---|\n"
        for placeholder, (_, told) in zip(placeholders, arguments, strict=True):
            text += f"| `{placeholder}` | {_cell(_remarks(told)[0])} |\n"
    panels: dict[str, list[tuple[str, str]]] = {}
    for param, record in records:
        if param.param_type_name == "option" and record is not None:
            panels.setdefault(getattr(param, "rich_help_panel", None) or "Options", []).append(
                record
            )
    for panel, options in panels.items():
        text += f"\n## {panel}\n\n| option | value | default | meaning |\n|---|---|---|---|\n"
        text += "".join(map(_row, options))
    return text


def _row(record: tuple[str, str]) -> str:
    """Return the row of an option, from what its help line would show."""
    shown, told = record
    names = re.findall(r"(?<![\w-])--?[A-Za-z][\w-]*", shown)
    value = re.sub(r"(?<![\w-])--?[A-Za-z][\w-]*", "", shown).strip(" ,/")
    kinds = value.strip("<>").lower().split("|")
    value = " or ".join(_KINDS.get(kind, kind) for kind in kinds)
    told, default, limits = _remarks(told)
    if limits:
        value += f", {limits}"
    listed = ", ".join(f"`{name}`" for name in names)
    return f"| {listed} | {_cell(value)} | {_cell(default)} | {_cell(told)} |\n"


def _remarks(told: str) -> tuple[str, str, str]:
    """Split a help text into the text, the default and the range of values."""
    default = limits = ""
    while found := _REMARK.search(told):
        told = told[: found.start()]
        for part in found[1].split("; "):
            if part.startswith("default: "):
                default = default or part.removeprefix("default: ").strip("()")
            elif part != "required":
                limits = part.replace("<=", " ≤ ").replace(">=", " ≥ ")
    return told, default, limits


def _paragraphs(text: str | None) -> list[str]:
    plain = re.sub(r"\[/?[a-z ]+\]", "", (text or "").replace("\b", "").replace("\f", ""))
    return [" ".join(part.split()) for part in plain.strip().split("\n\n")]


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
