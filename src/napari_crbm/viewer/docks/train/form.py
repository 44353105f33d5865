"""The form of the *Train* dock: a recipe and the settings of a training."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from magicgui.widgets import ComboBox
from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_crbm.declarations import declared
from napari_crbm.errors import ModelError, SettingError
from napari_crbm.model import Settings, duration
from napari_crbm.viewer.docks.train.device_box import offer_gpu_where_there_is_one
from napari_crbm.viewer.parts.forms import Form, save_magic_field

_DEFAULT = "Careful"
#: Name of each recipe as shown, its name in `Settings.named`, and what it is for.
RECIPES = {
    "Quick look": ("quick", "Finds the assemblies; statistics are still rough."),
    _DEFAULT: ("default", "The default; suits most recordings. Then trains on two halves."),
    "As published": (
        "paper",
        "200 assemblies, penalty 0.02, 200,000 updates from random weights: hours to days.",
    ),
}
# Always visible; all other settings are in the folded group.
_VISIBLE = ("n_hidden", "l1", "n_updates", "patience", "random_state", "device")
#: Settings that do not affect the time of an update.
OF_NO_COST = {"n_updates", "patience", "random_state"}


class TrainForm(QWidget):
    """Recipe and settings of a training.

    Emits ``cost_changed`` when the time of an update may have changed, and
    ``settings_changed`` with every change.
    """

    cost_changed = Signal()
    settings_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.recipe = ComboBox(name="recipe", label="Recipe", choices=list(RECIPES), value=_DEFAULT)
        native = self.recipe.native
        native.setAccessibleName("Recipe")
        for row, (_, tip) in enumerate(RECIPES.values()):
            native.setItemData(row, tip, Qt.ItemDataRole.ToolTipRole)
        save_magic_field("train/recipe", self.recipe)
        settings = declared(Settings)
        visible = [each for name in _VISIBLE for each in settings if each.name == name]
        self.fields = Form(
            visible,
            [each for each in settings if each not in visible],
            first=[self.recipe],
            lowest={"patience": "off"},
        )
        offer_gpu_where_there_is_one(cast(ComboBox, self.fields["device"]))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.fields)
        self.halves = QCheckBox("Then train on two halves (reproducibility)")
        self.halves.setToolTip(
            "After the training, train on two halves of the recording in the background and mark "
            "the assemblies\nthat are found in both. This takes at most as long as two quick "
            "trainings."
        )
        self.halves.toggled.connect(lambda _: self.settings_changed.emit())
        layout.addWidget(self.halves)
        self._on_recipe(self.recipe.value)
        self.recipe.changed.connect(self._on_recipe)
        self.fields.changed.connect(self._on_changed)

    def settings(self) -> Settings:
        """Return the settings as entered.

        Raises
        ------
        ModelError
            If a field holds no value of its setting, or two settings contradict each other.
        """
        values = self.fields.values()
        try:
            return Settings.named(RECIPES[self.recipe.value][0], **values)
        except SettingError as error:
            raise ModelError(self.fields.sentence(error)) from None

    @property
    def checks(self) -> bool:
        """Whether to train on two halves of the recording after the training."""
        return self.halves.isChecked()

    def recipes(self) -> dict[str, Settings]:
        """Return the settings of every recipe on the chosen device, by the name shown."""
        device = self.fields["device"].value
        return {label: Settings.named(name, device=device) for label, (name, _) in RECIPES.items()}

    def allow(self, wanted: bool) -> None:
        """Enable or disable the fields; they are disabled while a training runs."""
        self.recipe.enabled = wanted
        self.fields.allow(wanted)
        self.halves.setEnabled(wanted)

    def show_times(self, seconds: Mapping[str, float | None]) -> None:
        """Show the duration in seconds of every recipe for which it is known."""
        for row, label in enumerate(RECIPES):
            known = seconds.get(label)
            text = label if known is None else f"{label}  (about {duration(known)})"
            if self.recipe.native.itemText(row) != text:
                self.recipe.native.setItemText(row, text)

    def _on_recipe(self, label: str) -> None:
        name, tip = RECIPES[label]
        self.halves.setChecked(label == _DEFAULT)
        self.recipe.tooltip = (
            f"{tip}\nThe times are measured on this machine and this recording,\n"
            "with a few updates of every recipe."
        )
        kept = {"random_state", "device", "n_threads"}
        values = Settings.named(name).as_dict()
        self.fields.fill({key: value for key, value in values.items() if key not in kept})

    def _on_changed(self, name: str) -> None:
        if name not in OF_NO_COST:
            self.cost_changed.emit()
        self.settings_changed.emit()
