"""The form of the *Train* dock: recipe and settings of a training as entered."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QComboBox, QFormLayout, QLineEdit

from napari_crbm.errors import ModelError
from napari_crbm.model import Settings
from napari_crbm.viewer.docks.train.device_box import DeviceBox
from napari_crbm.viewer.parts.saved_fields import save_field
from napari_crbm.viewer.parts.style import count_box, text_label

_DEFAULT = "Careful"
#: Name of each recipe as shown, its name in `Settings.named`, and what it is for.
RECIPES = {
    "Quick look": ("quick", "Finds the assemblies; statistics are still rough."),
    _DEFAULT: ("default", "The default; suits most recordings."),
    "As published": (
        "paper",
        "200 assemblies, penalty 0.02, 200,000 updates from random weights: hours to days.",
    ),
}


class TrainForm(QFormLayout):
    """Recipe and settings, with a line for how long every recipe takes.

    Emits ``cost_changed`` when an update may take another time than before, and
    ``n_updates_changed``.
    """

    cost_changed = Signal()
    n_updates_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.recipe = QComboBox()
        for label, (_, tip) in RECIPES.items():
            self.recipe.addItem(label)
            self.recipe.setItemData(self.recipe.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.recipe.setCurrentText(_DEFAULT)
        save_field("train/recipe", self.recipe)
        self.recipe.currentTextChanged.connect(self._on_recipe)
        self.estimates = text_label("")
        self.estimates.setToolTip(
            "Measured on this machine and this recording, by a few real updates of every recipe."
        )
        self.n_hidden = QLineEdit()
        self.n_hidden.setToolTip(
            "How many assemblies to look for. 'auto' counts the directions in which the\n"
            "recording varies more than chance would."
        )
        self.l1 = QLineEdit()
        self.l1.setToolTip(
            "Sparse penalty: larger means smaller assemblies. 'auto' scales it to the\n"
            "recording; much larger values set all weights to zero."
        )
        self.n_updates = count_box(
            10, 1_000_000, 10, "Parameter updates; more is slower and more accurate.", step=500
        )
        self.patience = count_box(
            0,
            60,
            0,
            "Stop early: lower the learning rate when the held-out pseudo-likelihood has not\n"
            "risen for so many of the training's sixty evaluations (5 is usual), end when the\n"
            "rate has come down, and keep the best model on the way.",
        )
        self.patience.setSpecialValueText("off")
        self.seed = count_box(0, 999_999, 0, "The same seed gives the same model.")
        self.device = DeviceBox()
        for label, field in (
            ("Recipe", self.recipe),
            ("", self.estimates),
            ("Assemblies", self.n_hidden),
            ("Penalty (l1)", self.l1),
            ("Updates", self.n_updates),
            ("Patience", self.patience),
            ("Seed", self.seed),
            ("Device", self.device),
        ):
            self.addRow(label, field)
        self._on_recipe(self.recipe.currentText())
        for changed in (
            self.n_hidden.textChanged,
            self.recipe.currentTextChanged,
            self.device.currentTextChanged,
        ):
            changed.connect(lambda _: self.cost_changed.emit())
        self.n_updates.valueChanged.connect(lambda _: self.n_updates_changed.emit())

    def settings(self) -> Settings:
        """The settings as entered.

        Raises
        ------
        ModelError
            If a field holds neither a number nor "auto".
        """
        return Settings.named(
            RECIPES[self.recipe.currentText()][0],
            n_hidden=_number_or_auto("Assemblies", self.n_hidden.text(), int, 1),
            l1=_number_or_auto("Penalty (l1)", self.l1.text(), float, 0),
            n_updates=self.n_updates.value(),
            patience=self.patience.value(),
            random_state=self.seed.value(),
            device=self.device.device,
        )

    def recipes(self) -> dict[str, Settings]:
        """Settings of every recipe as it is, on the chosen device, by the name shown."""
        device = self.device.device
        return {label: Settings.named(name, device=device) for label, (name, _) in RECIPES.items()}

    def allow(self, wanted: bool) -> None:
        """Let the person change the settings, or not, as while a training runs."""
        for field in (
            self.recipe,
            self.n_hidden,
            self.l1,
            self.n_updates,
            self.patience,
            self.seed,
            self.device,
        ):
            field.setEnabled(wanted)

    def show_estimates(self, text: str) -> None:
        """Say how long the recipes take."""
        self.estimates.setText(text)
        self.estimates.setVisible(bool(text))

    def _on_recipe(self, label: str) -> None:
        name, tip = RECIPES[label]
        settings = Settings.named(name)
        self.recipe.setToolTip(tip)
        self.n_hidden.setText(str(settings.n_hidden))
        self.l1.setText(str(settings.l1))
        self.n_updates.setValue(settings.n_updates)


def _number_or_auto(field: str, text: str, kind: type, least: int) -> Any:
    text = text.strip()
    if text == "auto":
        return text
    try:
        number = kind(text)
    except ValueError:
        raise ModelError(f"{field}: '{text}' is neither a number nor 'auto'.") from None
    if not number >= least:
        raise ModelError(f"{field}: {text} is too little; write {least} or more, or 'auto'.")
    return number
