"""The *Reproducibility* dock: which assemblies two halves of the recording both show."""

from __future__ import annotations

from typing import Any

from qtpy.QtWidgets import QProgressBar, QWidget

from napari_crbm.analysis.matching.halves import half_settings
from napari_crbm.declarations import declaration
from napari_crbm.errors import CRBMError, ModelError, SettingError
from napari_crbm.model import Settings
from napari_crbm.viewer.home import home_of
from napari_crbm.viewer.parts.dataframe_table import Column, DataFrameView
from napari_crbm.viewer.parts.forms import Form
from napari_crbm.viewer.parts.notices import show_error
from napari_crbm.viewer.parts.style import button, page, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow

_WHAT = (
    "Trains on two halves of the recording (alternating blocks of time, with gaps between them) "
    "and shows which assemblies are found in both. An assembly that arises by chance in one half "
    "is "
    "unlikely to appear in the other."
)
_NO_RECORDING = "No recording yet. Open one in the Recording dock."
_START, _CANCEL = "Train on two halves", "Cancel"
_TIP = "Runs two trainings in the background. Takes as long as one training with twice the updates."
_BUSY = "A training or a sweep is running. Wait until it ends, or stop it."
# Settings of both trainings that can be chosen here.
_FIELDS = ("n_hidden", "l1", "n_updates", "random_state")
_COLUMNS = (
    Column("assembly", "#", 36, "{:.0f}", "Number of the assembly."),
    Column("both", "Found", 54, "{}", "Whether it is found in both halves."),
    Column(
        "similarity",
        "Similarity",
        74,
        "{:.2f}",
        "Absolute cosine between the weights of its partners in the two halves.",
    ),
    Column(
        "chance",
        "Chance",
        60,
        "{:.2f}",
        "Chance level: 95th percentile of the largest similarity of any pair after neurons with "
        "similar mean activity are shuffled.",
    ),
    Column(
        "q",
        "q",
        50,
        "{:.2g}",
        "False discovery rate: whether the members from one half are active together in the other. "
        "The larger of the two values.",
    ),
)


class ReproducibilityWidget(QWidget):
    """Settings of the trainings, progress, verdict and the table of assemblies."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        self.home = home_of(napari_viewer)
        self.workspace, self.halves = self.home.workspace, self.home.halves
        self.setMinimumWidth(320)
        self.message = text_label(_WHAT)
        self.form = Form([declaration(Settings, name) for name in _FIELDS])
        self.start = button(_START, _TIP, self._toggle)
        self.bar = QProgressBar()
        self.bar.hide()
        self.verdict = text_label("")
        self.table = DataFrameView(_COLUMNS, "Click a row to show the assembly.")
        self.table.selectionModel().currentRowChanged.connect(self._on_row)
        layout = page(self)
        for part in (self.message, self.form, self.start, self.bar, self.verdict):
            layout.addWidget(part)
        layout.addWidget(self.table, 1)
        layout.addStretch(0)
        self.halves.changed.connect(self._refresh)
        self.halves.progressed.connect(self._on_progress)
        self.home.runs.training_changed.connect(self._refresh)
        self.home.runs.sweep_changed.connect(self._refresh)
        follow(self, self.workspace.recording_changed, self._refresh)
        follow(self, self.workspace.trained_changed, self._on_trained)
        self._on_trained()

    def settings(self) -> Settings:
        """Return the settings of both trainings as entered.

        Raises
        ------
        ModelError
            If a field holds no value of its setting.
        """
        try:
            return Settings.named("quick", **self.form.values())
        except SettingError as error:
            raise ModelError(self.form.sentence(error)) from None

    def _toggle(self) -> None:
        if self.halves.running:
            self.halves.cancel()
            return
        try:
            self.halves.start(self.settings())
        except CRBMError as error:
            show_error(str(error))

    def _on_trained(self) -> None:
        """Offer settings that suit the shown model."""
        trained = self.workspace.trained
        model = None if trained is None else trained.model
        usual = half_settings(None if model is None else model.settings_)
        n_hidden = usual.n_hidden if model is None else model.n_assemblies
        if not self.halves.running:
            self.form.fill(
                {
                    "n_hidden": n_hidden,
                    "l1": "auto",
                    "n_updates": usual.n_updates,
                    "random_state": usual.random_state,
                }
            )
        self._refresh()

    def _on_progress(self, done: int, total: int) -> None:
        self.bar.setRange(0, total)
        self.bar.setValue(done)
        half = "first" if 2 * done < total else "second"
        self.bar.setFormat(f"{half} half: {done:,} of {total:,} updates")

    def _on_row(self) -> None:
        row = self.table.chosen
        # Without a model the rows are assemblies of the first half, which are not shown.
        if row is not None and self.workspace.trained is not None:
            self.workspace.choose_assembly(int(row["assembly"]))

    def _refresh(self) -> None:
        running, recording = self.halves.running, self.workspace.recording
        busy = self.home.runs.training or self.home.runs.sweeping
        self.message.setText(_NO_RECORDING if recording is None else _WHAT)
        self.form.allow(not running)
        self.start.setText(_CANCEL if running else _START)
        self.start.setEnabled(running or (recording is not None and not busy))
        self.start.setToolTip(_BUSY if busy else _TIP)
        if running and self.bar.isHidden():
            self.bar.setRange(0, 0)
        self.bar.setVisible(running)
        result = None if running else self.halves.result
        self.verdict.setText("" if result is None else f"<b>{result}</b>")
        self.table.setVisible(result is not None)
        if result is None:
            self.table.show_table(None)
            return
        table = result.table.reset_index()
        table["both"] = table["found"].map({True: "yes", False: "no"})
        table = table[table["similarity"].notna()]
        order = ["found", "similarity"]
        self.table.show_table(table.sort_values(order, ascending=False, kind="stable"))
