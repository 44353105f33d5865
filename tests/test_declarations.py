"""Declared settings: listed, checked, parsed and named."""

from __future__ import annotations

import pickle
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pytest

from napari_crbm.declarations import (
    COMMON,
    RARE,
    Setting,
    check,
    declaration,
    declared,
    documented,
)
from napari_crbm.errors import CRBMError, ModelError, RecordingError, SettingError
from napari_crbm.model import Settings


@documented
@dataclass(frozen=True)
class Tea:
    """A cup of tea.

    Raises
    ------
    SettingError
        If it cannot be drunk.
    """

    minutes: Annotated[float, Setting("How long it steeps.", gt=0, le=10, unit="min")] = 4.0
    cups: Annotated[int | Literal["many"], Setting("Cups.", ge=1, label="Number")] = 2
    leaf: Annotated[Literal["green", "black"], Setting("Leaves.", group="rare")] = "green"
    milk: Annotated[bool, Setting("Add milk.", option="with-milk")] = False
    spices: Annotated[tuple[str, ...], Setting("Spices.")] = ()
    pot: Annotated[Path | None, Setting("Pot.", absent="no pot")] = None
    private: int = 3

    def __post_init__(self) -> None:
        check(self)


def test_declarations_are_listed_in_order_with_all_they_say():
    minutes, cups, leaf, milk, spices, pot = declared(Tea)
    assert (minutes.name, minutes.kind, minutes.default, minutes.unit) == (
        "minutes",
        float,
        4.0,
        "min",
    )
    assert minutes.range_text == "more than 0 and at most 10"
    assert cups.words == ("many",) and cups.kind is int and cups.label == "Number"
    assert leaf.kind is str and leaf.words == ("green", "black")
    assert (leaf.group, minutes.group) == (RARE, COMMON)
    assert milk.kind is bool and milk.option == "--with-milk" and milk.label == "Milk"
    assert spices.repeated and spices.kind is str
    assert pot.optional and pot.default_text == "no pot" and pot.kind is Path
    assert declaration(Tea, "cups") is cups


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("minutes", 0, "minutes must be a number of more than 0 and at most 10 (min); found 0."),
        (
            "minutes",
            float("nan"),
            "minutes must be a number of more than 0 and at most 10 (min); found nan.",
        ),
        ("minutes", True, "minutes must be a number"),
        ("minutes", None, "minutes must be a number"),
        ("cups", 1.5, "cups must be 'many' or a positive whole number; found 1.5."),
        ("cups", "{few}", "cups must be 'many' or a positive whole number; found '{few}'."),
        ("leaf", "red", "leaf must be 'green' or 'black'; found 'red'."),
        ("milk", 1, "milk must be True or False; found 1."),
        ("spices", "clove", "spices must be"),
    ],
)
def test_wrong_values_are_refused_by_name(field, value, sentence):
    with pytest.raises(SettingError) as refused:
        Tea(**{field: value})
    assert str(refused.value).startswith(sentence)
    assert refused.value.settings == (field,)
    assert refused.value.naming({field: "Sugar"}).startswith("Sugar must be")
    assert isinstance(refused.value, ModelError) and isinstance(refused.value, RecordingError)
    again = pickle.loads(pickle.dumps(refused.value))
    assert str(again) == str(refused.value) and isinstance(again, CRBMError)


def test_right_values_are_accepted():
    Tea(minutes=10, cups=np.int64(3), milk=True, spices=("clove",), pot=Path("a"))
    Tea(minutes=np.float32(0.5), cups="many", leaf="black")


def test_typed_text_becomes_values():
    minutes, cups, leaf, *_ = declared(Tea)
    assert minutes.parse(" 2.5 ") == 2.5
    assert cups.parse("many") == "many" and cups.parse("7") == 7
    assert leaf.parse("black") == "black"
    for each, text in ((minutes, "soon"), (minutes, "11"), (cups, "1.5"), (leaf, "white")):
        with pytest.raises(SettingError, match="found"):
            each.parse(text)


def test_docstrings_list_the_declarations():
    text = Tea.__doc__
    assert "Parameters\n----------\nminutes : float\n    How long it steeps" in text
    assert text.index("Parameters") < text.index("Raises")
    assert "private" not in text


def test_every_training_setting_is_declared():
    listed = declared(Settings)
    assert [each.name for each in listed] == [field.name for field in fields(Settings)]
    assert len(listed) == 19
    for each in listed:
        assert each.help[0].isupper() and each.help.endswith("."), each.name
        assert each.accepts(each.default), each.name
    assert len({each.option for each in listed}) == len({each.label for each in listed}) == 19
