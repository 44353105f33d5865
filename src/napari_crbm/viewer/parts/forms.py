"""Forms made with magicgui from declared settings.

A field of a form takes its kind, range, default, unit, label and help from the declaration of
the setting (`napari_crbm.declarations`), which the command line and the reference use too.
"""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from magicgui.widgets import CheckBox, ComboBox, Container, FloatSpinBox, LineEdit
from magicgui.widgets.bases import ValueWidget, Widget
from qtpy.QtCore import Signal
from qtpy.QtGui import QShowEvent
from qtpy.QtWidgets import QLabel, QSizePolicy, QVBoxLayout, QWidget
from superqt import QCollapsible

from napari_crbm.declarations import Declared
from napari_crbm.errors import ModelError, SettingError
from napari_crbm.viewer.parts.saved_fields import recall, store

_TIP_LETTERS = 76
_LARGEST = 1_000_000
# Smaller defaults are written as text: a box with a fixed number of decimals hides them.
_SMALLEST_IN_BOX = 0.01


class WholeNumberBox(FloatSpinBox):
    """A spin box of whole numbers with separators between thousands.

    magicgui's own `SpinBox` has neither separators, nor units, nor a text for a special value.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.native.setDecimals(0)
        self.native.setGroupSeparatorShown(True)

    def get_value(self) -> int:
        """Return the number."""
        return round(super().get_value())


class Form(QWidget):
    """A magicgui container of declared settings; rarely used ones are folded away.

    Emits ``changed(name)`` with every change of a field.

    Parameters
    ----------
    settings : iterable of Declared
        The visible fields, in their order.
    more : iterable of Declared
        Fields in the group "More settings", which is folded at first.
    first : sequence of magicgui Widget
        Further widgets above the fields, such as a choice between presets.
    labels : mapping of str to str
        Labels that differ from those declared, by the names of the settings.
    lowest : mapping of str to str
        Texts shown instead of the lowest number of a field, such as "off" for 0.
    combos : collection of str
        Names of text settings that are chosen in a combo box; see `offer`.
    """

    changed = Signal(str)

    def __init__(
        self,
        settings: Iterable[Declared],
        more: Iterable[Declared] = (),
        *,
        first: Sequence[Widget] = (),
        labels: Mapping[str, str] | None = None,
        lowest: Mapping[str, str] | None = None,
        combos: Collection[str] = (),
    ) -> None:
        super().__init__()
        self._declared: dict[str, Declared] = {}
        self._fields: dict[str, ValueWidget[Any]] = {}
        self._combos = frozenset(combos)
        self._labels, self._lowest = dict(labels or {}), dict(lowest or {})
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.container = self._container([*first, *map(self._make, settings)])
        layout.addWidget(self.container.native)
        folded = [self._make(each) for each in more]
        self._columns: list[list[Widget]] = [
            [*first, *(field for field in self._fields.values() if field not in folded)],
            list(folded),
        ]
        self.more: QCollapsible | None = None
        # A low window scrolls; it must not squeeze the fields.
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        if folded:
            self.more = QCollapsible("More settings", expandedIcon="▾", collapsedIcon="▸")
            self.more.layout().setContentsMargins(0, 0, 0, 0)
            self.more.addWidget(self._container(folded).native)
            layout.addWidget(self.more)

    def __getitem__(self, name: str) -> ValueWidget[Any]:
        """Return the magicgui widget of a setting."""
        return self._fields[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the settings that have a field."""
        return tuple(self._fields)

    def values(self) -> dict[str, Any]:
        """Return what is entered, by the names of the settings.

        Raises
        ------
        ModelError
            If a field holds no value of its setting. The sentence names the field by its label.
        """
        try:
            return {name: self._value(name) for name in self._fields}
        except SettingError as error:
            raise ModelError(self.sentence(error)) from None

    def sentence(self, error: SettingError) -> str:
        """Return the message of an error with settings named as their fields are labelled."""
        return error.naming({name: self.label(name) for name in self._fields})

    def offer(self, name: str, choices: Sequence[tuple[str, Any]]) -> None:
        """Replace the choices of a combo box by labels and values; the present value stays."""
        field = self._fields[name]
        if not isinstance(field, ComboBox):
            raise TypeError(f"'{name}' is not entered in a combo box.")
        field.choices = choices

    def label(self, name: str) -> str:
        """Return the label of a field."""
        return self._labels.get(name) or self._declared[name].label

    def fill(self, values: Mapping[str, Any]) -> None:
        """Enter values; names without a field are left out."""
        for name, value in values.items():
            if name in self._fields:
                self._fields[name].value = self._shown(name, value)

    def allow(self, wanted: bool) -> None:
        """Let the person change the fields, or not, as while a training runs."""
        for field in self._fields.values():
            field.enabled = wanted

    def show_fields(self, shown: Mapping[str, bool]) -> None:
        """Show or hide fields together with their labels."""
        for name, wanted in shown.items():
            self._fields[name].visible = wanted

    def save(self, place: str, names: Iterable[str] | None = None) -> None:
        """Give fields their values of last time, now, and keep every later change.

        Parameters
        ----------
        place : str
            Under which the values are kept, such as "export".
        names : iterable of str, optional
            All fields by default.
        """
        for name in self._fields if names is None else names:
            save_magic_field(f"{place}/{name}", self._fields[name])

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Give all labels a common width, in the font that the window gives them."""
        super().showEvent(event)
        for column in self._columns:
            found = (row.native.parentWidget().findChild(QLabel) for row in column)
            labels = [label for label in found if label is not None]
            width = max((label.sizeHint().width() for label in labels), default=0)
            for label in labels:
                label.setMinimumWidth(width)

    # --- making fields --------------------------------------------------------------------

    def _make(self, each: Declared) -> ValueWidget[Any]:
        self._declared[each.name] = each
        field = self._field(each)
        field.tooltip = _tip(each)
        field.native.setAccessibleName(self.label(each.name))
        field.changed.connect(lambda: self.changed.emit(each.name))
        self._fields[each.name] = field
        return field

    def _field(self, each: Declared) -> ValueWidget[Any]:
        common: dict[str, Any] = {"name": each.name, "label": self.label(each.name)}
        if each.kind is bool:
            return CheckBox(value=bool(each.default), **common)
        if self._is_chosen(each):
            choices: list[tuple[str, Any]] = [(word.capitalize(), word) for word in each.words]
            if each.optional:
                choices.insert(0, (each.setting.absent or "none", None))
            return ComboBox(value=each.default, choices=choices, **common)
        if _is_boxed(each):
            return self._box(each, common)
        return LineEdit(value=self._shown(each.name, each.default), **common)

    def _box(self, each: Declared, common: dict[str, Any]) -> ValueWidget[Any]:
        kind = WholeNumberBox if each.kind is int else FloatSpinBox
        low, high = _bounds(each)
        box = kind(value=low, min=low, max=high, **common)
        if each.kind is float:
            box.native.setDecimals(_decimals(each))
        box.adaptive_step = True
        if each.unit:
            box.native.setSuffix(f" {each.unit}")
        text = self._lowest.get(each.name) or (each.setting.absent if each.optional else "")
        if text:
            box.native.setSpecialValueText(text)
        box.value = self._shown(each.name, each.default)
        return box

    # --- values ---------------------------------------------------------------------------

    def _shown(self, name: str, value: Any) -> Any:
        """Return the value as the widget of the field takes it."""
        each = self._declared[name]
        if _is_boxed(each):
            return _bounds(each)[0] if value is None else value
        if each.kind is bool or self._is_chosen(each):
            return value
        if value is None:
            return ""
        return ", ".join(map(_text, value)) if each.repeated else _text(value)

    def _value(self, name: str) -> Any:
        """Return what is entered in a field.

        Raises
        ------
        SettingError
            If it is no value of the setting.
        """
        each, value = self._declared[name], self._fields[name].value
        if _is_boxed(each):
            return None if each.optional and value == _bounds(each)[0] else value
        if not isinstance(value, str):
            return value
        if each.repeated:
            parts = [part.strip() for part in value.split(",") if part.strip()]
            if not parts:
                raise each.refusal(value)
            return tuple(each.parse(part) for part in parts)
        return None if each.optional and not value.strip() else each.parse(value)

    def _is_chosen(self, each: Declared) -> bool:
        """Whether a setting is one of several words, chosen in a combo box."""
        words = bool(each.words) or each.name in self._combos
        return each.kind is str and words and not each.repeated

    def _container(self, widgets: Sequence[Widget]) -> Container[Widget]:
        container: Container[Widget] = Container(labels=True)
        container.margins = (0, 0, 0, 0)
        container.extend(widgets)
        container.native.layout().setSpacing(4)
        container.native.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        return container


def save_magic_field(name: str, field: ValueWidget[Any]) -> None:
    """Give a magicgui widget its value of last time, now, and keep every later change.

    Parameters
    ----------
    name : str
        Under which the value is kept, such as "train/recipe".
    field : magicgui ValueWidget
        Values that it cannot take any more are left out.
    """
    kept = recall(name)
    if kept is not None:
        if isinstance(field, ComboBox):
            if kept in map(str, field.choices):
                field.value = next(each for each in field.choices if str(each) == kept)
        elif isinstance(field, CheckBox):
            field.value = kept == "True"
        elif isinstance(field, FloatSpinBox):
            _put_number(field, kept)
        else:
            field.value = kept
    field.changed.connect(lambda value: store(name, str(value)))


def _put_number(field: FloatSpinBox, kept: str) -> None:
    try:
        number = float(kept)
    except ValueError:
        return
    if field.min <= number <= field.max:
        field.value = number


def _is_boxed(each: Declared) -> bool:
    """Whether a setting is entered in a spin box: a number without words such as "auto"."""
    if each.kind not in (int, float) or each.words or each.repeated:
        return False
    small = each.kind is float and 0 < abs(each.default or 0.0) < _SMALLEST_IN_BOX
    return not small


def _bounds(each: Declared) -> tuple[float, float]:
    """Return the lowest and the highest number of a box; the lowest stands for None if allowed."""
    limits = each.setting
    step = 10.0 ** -_decimals(each)
    low: float = -_LARGEST
    if limits.ge is not None:
        low = limits.ge - step if each.optional else limits.ge
    elif limits.gt is not None:
        low = limits.gt if each.optional else limits.gt + step
    high: float = _LARGEST
    if limits.le is not None:
        high = limits.le
    elif limits.lt is not None:
        high = limits.lt - step
    return low, high


def _decimals(each: Declared) -> int:
    """Return how many decimals a box of numbers shows.

    Two, or more if the default has more; three of fractions, none of large numbers.
    """
    limits = each.setting
    if each.kind is int or (limits.ge or 0) >= 10:
        return 0
    if 1 in (limits.le, limits.lt):
        return max(3, len(f"{each.default or 0.0:g}".partition(".")[2]))
    _, _, fraction = f"{each.default or 0.0:g}".partition(".")
    return max(2, len(fraction))


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _tip(each: Declared) -> str:
    """Return the tooltip of a field: help, range and default."""
    notes = [each.range_text.capitalize()] if each.range_text else []
    if each.default_text:
        notes.append(f"Default: {each.default_text}")
    lines = textwrap.wrap(each.help, _TIP_LETTERS)
    return "\n".join([*lines, *textwrap.wrap(". ".join(notes) + "." if notes else "")])
