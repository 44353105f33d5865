"""Forms of declared settings: kinds of fields, values, None, labels in one column."""

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from qtpy.QtCore import QPoint

from napari_crbm.declarations import Setting, declared
from napari_crbm.errors import ModelError
from napari_crbm.viewer.parts.forms import Form


@dataclass(frozen=True)
class Example:
    count: Annotated[int, Setting("How many.", ge=1, le=100_000, unit="frames")] = 1500
    share: Annotated[float, Setting("A fraction.", ge=0, lt=1)] = 0.035
    rate: Annotated[float, Setting("A small number.", gt=0)] = 1e-4
    size: Annotated[int | Literal["auto"], Setting("A number or a word.", ge=1)] = "auto"
    window_s: Annotated[float | None, Setting("Optional.", gt=0, unit="s", absent="none")] = None
    kind: Annotated[Literal["one", "two"], Setting("One of two.", label="A longer label")] = "two"
    active: Annotated[bool, Setting("Yes or no.")] = True
    name: Annotated[str | None, Setting("Text or nothing.")] = None


@pytest.fixture
def form(qtbot):
    widget = Form(declared(Example))
    qtbot.addWidget(widget)
    return widget


def test_the_defaults_come_back_with_their_types(form):
    assert Example(**form.values()) == Example()
    assert type(form.values()["count"]) is int


def test_entered_values_come_back(form):
    wanted = Example(99_999, 0.5, 2.5e-7, 12, 0.25, "one", False, "fish")
    form.fill(vars(wanted))
    assert Example(**form.values()) == wanted
    form.fill({"window_s": None, "name": None})
    assert form.values()["window_s"] is None and form.values()["name"] is None


def test_numbers_stay_in_their_range_and_show_their_unit(form):
    box = form["count"].native
    assert (box.minimum(), box.maximum()) == (1, 100_000) and box.text() == "1,500 frames"
    assert form["share"].native.maximum() < 1
    assert form["window_s"].native.text() == "none"


def test_wrong_text_is_refused_with_the_label(form):
    form["size"].value = "0"
    with pytest.raises(ModelError, match=r"^Size must be"):
        form.values()


def test_changes_are_told_by_name(form, qtbot):
    with qtbot.waitSignal(form.changed) as changed:
        form["kind"].value = "one"
    assert changed.args == ["kind"]


def test_fields_begin_in_one_column_and_are_not_squeezed(form, qtbot):
    form.resize(320, 40)
    form.show()
    qtbot.wait(50)
    names = [name for name in form.names if name != "active"]
    starts = {form[name].native.mapTo(form, QPoint(0, 0)).x() for name in names}
    assert len(starts) == 1
    assert form.minimumSizeHint().height() <= form.sizeHint().height()
    assert all(form[name].native.height() >= 18 for name in names)
