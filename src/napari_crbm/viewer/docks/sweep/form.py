"""The form of the *Sweep* dock: what is to be tried, as entered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QLineEdit

from napari_crbm.analysis import Sweep
from napari_crbm.errors import ModelError
from napari_crbm.model import Settings
from napari_crbm.viewer.jobs.sweep import SweepSession
from napari_crbm.viewer.parts.style import count_box


class SweepForm(QGridLayout):
    """Ranges and how to train; emits ``changed``."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.n_hidden = QLineEdit("10, 20, 40")
        self.n_hidden.setToolTip("Numbers of assemblies to try, separated by commas; or auto.")
        self.l1 = QLineEdit("auto")
        self.l1.setToolTip(
            "Sparse penalties to try, separated by commas; auto scales it to the recording."
        )
        self.learning_rate = QLineEdit(f"{Settings().learning_rate:g}")
        self.learning_rate.setToolTip("Learning rates to try, separated by commas.")
        self.n_random = count_box(
            0,
            1000,
            0,
            "Try so many configurations drawn at random between the smallest and largest\n"
            "values above, instead of all combinations.",
        )
        self.n_random.setSpecialValueText("all combinations")
        self.seeds = count_box(1, 20, 1, "Trainings of every combination, with different seeds.")
        self.folds = count_box(2, 10, 3, "Parts of the recording, each left out in turn.")
        self.updates = count_box(1, 1_000_000, 1500, "Updates of every training.", step=500)
        self.workers = count_box(
            1,
            64,
            1,
            "Trainings at once, each with its share of the cores.\n"
            "More than one needs the package distributed.",
        )
        self.scheduler = QLineEdit()
        self.scheduler.setPlaceholderText("this computer")
        self.scheduler.setToolTip(
            "Address of a running Dask scheduler, such as tcp://10.0.0.1:8786, whose workers\n"
            "train instead. They must see the folder, too."
        )
        self.fields = (
            ("Hidden units", self.n_hidden),
            ("Penalty", self.l1),
            ("Learning rate", self.learning_rate),
            ("Draw", self.n_random),
            ("Seeds", self.seeds),
            ("Folds", self.folds),
            ("Updates", self.updates),
            ("At once", self.workers),
            ("On", self.scheduler),
        )
        self.setHorizontalSpacing(10)
        for place, (label, field) in enumerate(self.fields):
            # Short fields share a line.
            row, column = (4 + (place - 4) // 2, 2 * (place % 2)) if 4 <= place < 8 else (place, 0)
            self.addWidget(QLabel(label), row, column)
            self.addWidget(field, row, column + 1, 1, 1 if 4 <= place < 8 else 3)
            signal = field.textChanged if isinstance(field, QLineEdit) else field.valueChanged
            signal.connect(lambda _: self.changed.emit())

    def sweep(self) -> Sweep:
        """What would be trained.

        Raises
        ------
        ModelError
            If a field cannot be understood or makes no sense.
        """
        return Sweep(
            n_hidden=_values("Hidden units", self.n_hidden.text(), int),
            l1=_values("Penalty", self.l1.text(), float),
            learning_rate=_values("Learning rate", self.learning_rate.text(), float),
            n_random=self.n_random.value() or None,
            seeds=tuple(range(self.seeds.value())),
            n_folds=self.folds.value(),
            settings=Settings(n_updates=self.updates.value()),
        )

    def show_sweep(self, session: SweepSession) -> None:
        """Fill in what is being tried, as it was entered in a dock that is gone."""
        sweep = session.sweep
        self.n_hidden.setText(_text(sweep.n_hidden))
        self.l1.setText(_text(sweep.l1))
        self.learning_rate.setText(_text(sweep.learning_rate))
        self.n_random.setValue(sweep.n_random or 0)
        self.seeds.setValue(len(sweep.seeds))
        self.folds.setValue(sweep.n_folds)
        self.updates.setValue(sweep.settings.n_updates)
        self.workers.setValue(session.n_workers)
        self.scheduler.setText(session.scheduler or "")

    def allow(self, wanted: bool) -> None:
        """Let the person change the fields, or not, as while a sweep runs."""
        for _, field in self.fields:
            field.setEnabled(wanted)


def _text(values: Sequence[Any]) -> str:
    return ", ".join(value if isinstance(value, str) else f"{value:g}" for value in values)


def _values(what: str, text: str, kind: type) -> tuple[Any, ...]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise ModelError(f"{what}: write a number or more, separated by commas (or auto).")
    try:
        values = tuple(part if part == "auto" else kind(part) for part in parts)
    except ValueError as error:
        raise ModelError(
            f"{what}: '{text}' is not a list of numbers separated by commas (or auto)."
        ) from error
    twice = next((value for value in values if values.count(value) > 1), None)
    if twice is not None:
        raise ModelError(f"{what}: {twice} is there twice; write every value once.")
    return values
