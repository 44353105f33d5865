"""Declared settings: type, range, unit, default and help of a field, said once beside it.

A frozen dataclass annotates its fields with `Setting`:

    n_updates: Annotated[int, Setting("Parameter updates.", ge=1)] = 3500

The checks at construction, the options of the command line, the forms of the viewer and the
reference page all derive from `declared`.
"""

from __future__ import annotations

import inspect
import math
import numbers
import types
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from napari_crbm.errors import SettingError

#: Groups of settings: those that many people change, and the others.
COMMON, RARE = "common", "rare"

_Class = TypeVar("_Class", bound=type)


@dataclass(frozen=True)
class Setting:
    """Declaration of a field, to be put into its ``Annotated`` type.

    Parameters
    ----------
    help : str
        One or two sentences: the help text of the option and the tooltip of the form. Without
        default, range and unit, which are added where it is shown.
    ge, gt, le, lt : float, optional
        Bounds of a number: at least, more than, at most, less than.
    unit : str
        Unit of a number, such as "s" or "µm".
    group : {"common", "rare"}
        Rarely used settings get a help panel, or a folded part of a form, of their own.
    label : str
        Name in forms; by default the name of the field in words.
    option : str
        Name on the command line, without dashes; by default the name of the field.
    off : str
        Name there that turns a yes-or-no setting off; by default "no-" and its name.
    absent : str
        What None stands for, such as "all cores".
    details : str
        Further sentences for the reference page.
    """

    help: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    unit: str = ""
    group: Literal["common", "rare"] = "common"
    label: str = ""
    option: str = ""
    off: str = ""
    absent: str = ""
    details: str = ""


@dataclass(frozen=True)
class Declared:
    """One declared field of a class.

    Parameters
    ----------
    name : str
        Name of the field in Python.
    kind : type
        int, float, bool, str or Path: the type of a value, or of the items of a tuple.
    words : tuple of str
        Words that are values too, such as "auto"; all values there are if ``kind`` is str.
    optional : bool
        Whether None is a value.
    repeated : bool
        Whether the value is a tuple of such items.
    default : object
    setting : Setting
    """

    name: str
    kind: type
    words: tuple[str, ...]
    optional: bool
    repeated: bool
    default: Any
    setting: Setting

    @property
    def help(self) -> str:
        """Help text, without default, range and unit."""
        return self.setting.help

    @property
    def unit(self) -> str:
        """Unit of a number, or an empty text."""
        return self.setting.unit

    @property
    def group(self) -> str:
        """Either `COMMON` or `RARE`."""
        return self.setting.group

    @property
    def label(self) -> str:
        """Name in forms."""
        return self.setting.label or self.name.replace("_", " ").capitalize()

    @property
    def option(self) -> str:
        """Name on the command line, such as ``--test-blocks``."""
        return "--" + (self.setting.option or self.name.replace("_", "-"))

    @property
    def flags(self) -> str:
        """Names on the command line that turn a yes-or-no setting on and off."""
        off = self.setting.off or "no-" + self.option.removeprefix("--")
        return f"{self.option}/--{off}"

    @property
    def default_text(self) -> str:
        """The default in words; empty if there is nothing to say."""
        return self.text_of(self.default)

    def text_of(self, value: Any) -> str:
        """A value in words."""
        if value is None or value == ():
            return self.setting.absent
        if isinstance(value, bool):
            return "yes" if value else "no"
        return f"{value:g}" if isinstance(value, float) else str(value)

    @property
    def range_text(self) -> str:
        """The range in words, such as "at least 0 and less than 1"; empty if there is none."""
        s = self.setting
        if self.kind is int and s.ge is not None and s.le is not None:
            return f"from {s.ge:g} to {s.le:g}"
        parts = [
            f"{words} {bound:g}"
            for words, bound in (
                ("at least", s.ge),
                ("more than", s.gt),
                ("at most", s.le),
                ("less than", s.lt),
            )
            if bound is not None
        ]
        return " and ".join(parts)

    @property
    def expected(self) -> str:
        """What a value must be, in words, such as "'auto' or a positive whole number"."""
        quoted = " or ".join(f"'{word}'" for word in self.words)
        if self.kind is bool:
            return "True or False"
        if self.kind is str and self.words:
            *first, last = (f"'{word}'" for word in self.words)
            return f"{', '.join(first)} or {last}" if first else last
        if self.kind in (str, Path):
            text = "text" if self.kind is str else "a path"
            return f"a list of {text}" if self.repeated else text
        noun = "whole number" if self.kind is int else "number"
        between = self.range_text
        if (self.kind is int and between == "at least 1") or between == "more than 0":
            text = f"a positive {noun}"
        else:
            linked = between if between.startswith("from") else f"of {between}"
            text = f"a {noun} {linked}" if between else f"a {noun}"
        return f"{quoted} or {text}" if quoted else text

    def accepts(self, value: Any) -> bool:
        """Whether the value has the declared type and lies in the declared range."""
        if value is None:
            return self.optional
        if self.repeated and isinstance(value, (tuple, list)):
            return all(map(self._accepts_one, value))
        return not self.repeated and self._accepts_one(value)

    def parse(self, text: str) -> Any:
        """Return the value that a person typed.

        Raises
        ------
        SettingError
            If it is none, or out of its range.
        """
        word = text.strip()
        value: Any = word
        if word not in self.words and self.kind in (int, float, Path):
            try:
                value = self.kind(word)
            except ValueError:
                raise self.refusal(text) from None
        if not self._accepts_one(value):
            raise self.refusal(text)
        return value

    def refusal(self, found: Any) -> SettingError:
        """The error for a value that is not accepted."""
        quantity = f" ({self.unit})" if self.unit else ""
        return SettingError(
            f"{{{self.name}}} must be {{expected}}; found {{found}}.",
            {"expected": self.expected + quantity, "found": repr(found)},
        )

    def _accepts_one(self, value: Any) -> bool:
        if isinstance(value, str):
            if self.kind is str:
                return not self.words or value in self.words
            return value in self.words or self.kind is Path
        if self.kind is bool or isinstance(value, bool):
            return self.kind is bool and isinstance(value, bool)
        if self.kind is Path:
            listed = isinstance(value, (tuple, list)) and all(isinstance(v, str) for v in value)
            return isinstance(value, Path) or listed
        wanted = numbers.Integral if self.kind is int else numbers.Real
        if self.kind not in (int, float) or not isinstance(value, wanted):
            return False
        s, number = self.setting, float(value)
        return (
            math.isfinite(number)
            and (s.ge is None or number >= s.ge)
            and (s.gt is None or number > s.gt)
            and (s.le is None or number <= s.le)
            and (s.lt is None or number < s.lt)
        )


@cache
def declared(owner: type[Any]) -> tuple[Declared, ...]:
    """List the declared fields of a dataclass, in their order; others are left out."""
    hints = get_type_hints(owner, include_extras=True)
    return tuple(_declared(owner, hints))


def declaration(owner: type, name: str) -> Declared:
    """Return the declaration of one field."""
    return next(each for each in declared(owner) if each.name == name)


def check(instance: Any) -> None:
    """Refuse values of declared fields that have a wrong type or are out of range.

    Raises
    ------
    SettingError
        Names the first such field, what it must be and what was found.
    """
    owner: Any = type(instance)
    for each in declared(owner):
        value = getattr(instance, each.name)
        if not each.accepts(value):
            raise each.refusal(value)


def documented(owner: _Class) -> _Class:
    """Add the declared fields to the docstring of a class, as its section of parameters."""
    if owner.__doc__ is None:
        return owner
    entries = "\n".join(_entry(each) for each in declared(owner))
    first, heading, rest = inspect.cleandoc(owner.__doc__).partition("\n\nRaises\n------\n")
    owner.__doc__ = f"{first}\n\nParameters\n----------\n{entries}{heading}{rest}"
    return owner


def _entry(each: Declared) -> str:
    kind = each.kind.__name__
    if each.words:
        words = ", ".join(f'"{word}"' for word in each.words)
        kind = f"{{{words}}}" if each.kind is str else f"{kind} or {words}"
    if each.repeated:
        kind = f"tuple of {kind}"
    if each.optional:
        kind += ", optional"
    notes = "; ".join(part for part in (each.range_text, each.unit) if part)
    text = each.help + (f" ({notes})" if notes else "")
    if each.default_text:
        text += f" Default: {each.default_text}."
    if each.setting.details:
        text += f" {each.setting.details}"
    return f"{each.name} : {kind}\n    {text}"


def _declared(owner: type, hints: dict[str, Any]) -> Iterator[Declared]:
    for field in fields(owner):
        hint = hints[field.name]
        if get_origin(hint) is not Annotated:
            continue
        inner, *extras = get_args(hint)
        for setting in extras:
            if isinstance(setting, Setting):
                yield Declared(field.name, *_type(inner), _default(field), setting)


def _type(hint: Any) -> tuple[type, tuple[str, ...], bool, bool]:
    """Kind, words, whether None is a value, and whether there are several."""
    kinds: list[type] = []
    words: tuple[str, ...] = ()
    optional = repeated = False
    for part in get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,):
        if part is type(None):
            optional = True
        elif get_origin(part) is Literal:
            words += get_args(part)
        elif get_origin(part) is tuple:
            repeated = True
            kinds.append(get_args(part)[0])
        else:
            kinds.append(part)
    if Path in kinds:
        # Beside a path the library takes its text, or what is in the file: a list of text.
        return Path, words, optional, repeated
    if len(kinds) > 1:
        raise TypeError(f"A declared field has one type and words; found {hint}.")
    return kinds[0] if kinds else str, words, optional, repeated


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return None if field.default is MISSING else field.default
