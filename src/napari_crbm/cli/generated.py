"""Options of commands, generated from declared settings."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from napari_crbm.declarations import RARE, Declared
from napari_crbm.errors import CRBMError, SettingError

_KINDS = {int: "int", float: "float", str: "str"}


def option(
    each: Declared, *, panel: str | None = None, default_text: str | None = None
) -> tuple[Any, Any]:
    """Return the annotation and the default of the option for one declared setting.

    Its value is None, or an empty list, unless the option is given.
    """
    shown = each.default_text if default_text is None else default_text
    common: dict[str, Any] = {
        "help": help_text(each),
        "show_default": shown or False,
        "rich_help_panel": panel,
    }
    if each.kind is bool:
        return Annotated[bool | None, typer.Option(each.flags, **common)], None
    common |= {"parser": parser(each), "metavar": metavar(each)}
    if each.repeated:
        return Annotated[list[Any] | None, typer.Option(each.option, **common)], None
    return Annotated[Any, typer.Option(each.option, **common)], None


def help_text(each: Declared) -> str:
    """Return the help text of a setting with unit and range."""
    notes = [each.unit, each.range_text, "repeatable" if each.repeated else ""]
    remark = "; ".join(note for note in notes if note)
    return f"{each.help} ({remark})" if remark else each.help


def metavar(each: Declared) -> str:
    """Return the placeholder of the value in the help."""
    if each.words:
        kind = [] if each.kind is str else [_KINDS[each.kind]]
        return f"<{'|'.join([*kind, *each.words])}>"
    return f"<{_KINDS.get(each.kind, 'path')}>"


def parser(each: Declared) -> Callable[[Any], Any]:
    """Return a function that converts typed text to a value."""

    def parse(text: Any) -> Any:
        return _in_click(lambda: each.parse(str(text)), each)

    return parse


def list_parser(each: Declared) -> Callable[[Any], Any]:
    """Return a function that converts text with commas to a tuple of values."""

    def parse(text: Any) -> Any:
        if not isinstance(text, str):
            return text
        return _in_click(
            lambda: tuple(each.parse(part) for part in text.split(",")),
            each,
            " Values are separated by commas.",
        )

    return parse


def with_declared(
    parameter: str,
    listed: Iterable[Declared],
    *,
    panel: str | None = None,
    rare_panel: str | None = None,
    defaults: Callable[[Declared], str] | None = None,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command an option for every declared setting.

    Parameters
    ----------
    parameter : str
        Parameter of the command that receives the given values, by field name.
    listed : iterable of Declared
    panel, rare_panel : str, optional
        Help panels of the common and of the rarely used settings.
    defaults : callable, optional
        Default of a setting in words; by default that of the declaration.
    """
    known = {each.name: each for each in listed}
    added = []
    for name, each in known.items():
        where = rare_panel if each.group == RARE else panel
        text = None if defaults is None else defaults(each)
        annotation, default = option(each, panel=where, default_text=text)
        added.append(
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
            )
        )

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters
        parameters: list[inspect.Parameter] = []
        for name, each in own.items():
            if name == parameter:
                parameters += added
            else:
                parameters.append(each.replace(kind=inspect.Parameter.KEYWORD_ONLY))

        @functools.wraps(command)
        def run(**given: Any) -> None:
            values = {name: given.pop(name, None) for name in known}
            chosen = {name: value for name, value in values.items() if value not in (None, [])}
            command(**given, **{parameter: chosen})

        signature = inspect.Signature(parameters)
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {each.name: each.annotation for each in parameters}
        return run

    return decorate


@contextmanager
def naming_options(known: Iterable[Declared]) -> Iterator[None]:
    """Name settings in errors by their command-line options."""
    try:
        yield
    except SettingError as error:
        names = {}
        for each in known:
            names[each.name] = each.option
            if each.kind is bool:
                names[f"{each.name}=True"], names[f"{each.name}=False"] = each.flags.split("/")
        raise CRBMError(error.naming(names)) from error


def _in_click(parse: Callable[[], Any], each: Declared, remark: str = "") -> Any:
    try:
        return parse()
    except SettingError as error:
        raise typer.BadParameter(error.naming({each.name: ""}).strip() + remark) from None
