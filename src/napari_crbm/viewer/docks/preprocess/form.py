"""The form of the *Preprocess* dock: steps from fluorescence to spikes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QLabel, QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from napari_crbm.declarations import Declared, Setting, declared
from napari_crbm.errors import RecordingError, SettingError
from napari_crbm.preprocessing import METHODS, Steps, frame_ranges
from napari_crbm.recording import Recording
from napari_crbm.viewer.parts.forms import Form
from napari_crbm.viewer.parts.style import visible_ticks

_LABELS = {
    "events": "Rises above the noise",
    "deconvolution": "Deconvolution (OASIS)",
    "zscore": "Standard deviations above the mean",
    "level": "Values above a level",
    "keep": "Keep the spikes",
}
_UNITS = {"events": " noise sd", "deconvolution": " noise sd", "zscore": " sd", "level": ""}
_FRAMES = Declared(
    "drop_frames",
    str,
    (),
    True,
    False,
    None,
    Setting(
        "Frames to leave out, counted from 0, such as 100-120, 300.",
        label="Leave out frames",
        absent="none",
    ),
)
_NEURONS = replace(
    _FRAMES,
    name="drop_neurons",
    setting=replace(
        _FRAMES.setting,
        help="Neurons to leave out, counted from 0, such as 17, 20-25.",
        label="Leave out neurons",
    ),
)
_MORE = ("percentile", "min_activity", "max_activity", "min_snr")
_FIELD_LABELS = {
    "method": "Spikes from",
    "motion_trace": "Motion",
    "motion_above": "Motion at most",
}
_LIST_PX = 110


class PreprocessForm(QWidget):
    """Method, thresholds, frames and neurons to leave out; emits ``changed``.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose theme the list of regions follows.
    """

    changed = Signal()

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        self._recording: Recording | None = None
        steps = [each for each in declared(Steps) if each.name != "regions"]
        visible = sorted(
            (each for each in steps if each.name not in _MORE),
            key=lambda each: each.name != "method",
        )
        self.fields = Form(
            [*visible, _FRAMES, _NEURONS],
            [each for each in steps if each.name in _MORE],
            labels=_FIELD_LABELS,
            combos=["motion_trace"],
        )
        self.fields.offer("method", [(_LABELS[name], name) for name in METHODS])
        self.fields["drop_frames"].native.setPlaceholderText("none; such as 100-120, 300")
        self.fields["drop_neurons"].native.setPlaceholderText("none; such as 17, 20-25")
        self.regions = QListWidget()
        self.regions.setMaximumHeight(_LIST_PX)
        self.regions.setAccessibleName("Only regions")
        visible_ticks(self.regions, viewer)
        self.regions.setToolTip("Keep neurons in the ticked regions only; no tick keeps all.")
        self.regions_label = QLabel("Only regions")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.fields)
        if self.fields.more is not None:
            self.fields.more.addWidget(self.regions_label)
            self.fields.more.addWidget(self.regions)
        self.fields.changed.connect(self._on_changed)
        self.regions.itemChanged.connect(lambda _: self.changed.emit())

    @property
    def method(self) -> str:
        """Method by which traces become spikes."""
        return str(self.fields["method"].value)

    def steps(self) -> Steps:
        """Return the steps as entered.

        Raises
        ------
        CRBMError
            If the entries are invalid. The message names fields by their labels.
        """
        values = self.fields.values()
        values["drop_frames"] = frame_ranges(values["drop_frames"] or "")
        values["drop_neurons"] = frame_ranges(values["drop_neurons"] or "", "neurons")
        if self.method == "keep":
            values |= {"raw": False, "threshold": None, "min_snr": 0.0}
        if not values["raw"]:
            values["background"] = 0.0
        if values["motion_trace"] is None:
            values["motion_above"] = 0.0
        try:
            return Steps(**values, regions=self._ticked())
        except SettingError as error:
            raise RecordingError(self.fields.sentence(error)) from None

    def show_used(self) -> None:
        """Show only the fields that apply to the method and to the recording."""
        recording = self._recording
        binarises = METHODS[self.method] is not None
        raw = binarises and bool(self.fields["raw"].value)
        self.fields.show_fields(
            {
                "threshold": binarises,
                "decay_s": self.method == "deconvolution",
                "baseline_s": binarises,
                "percentile": binarises,
                "raw": binarises,
                "background": raw,
                "min_snr": binarises,
                "motion_trace": recording is not None and bool(recording.traces),
                "motion_above": self.fields["motion_trace"].value is not None,
            }
        )
        for part in (self.regions_label, self.regions):
            part.setVisible(recording is not None and recording.regions is not None)

    def list_choices(self, recording: Recording) -> None:
        """Offer traces, regions and methods of a newly opened recording."""
        self._recording = recording
        self.fields.offer("motion_trace", [("none", None), *((t, t) for t in recording.traces)])
        self.regions.clear()
        for name in () if recording.regions is None else recording.regions.names:
            item = QListWidgetItem(name)
            item.setFlags(item.flags() | Qt.ItemFlag.ItemIsUserCheckable)
            item.setCheckState(Qt.CheckState.Unchecked)
            self.regions.addItem(item)
        has = recording.fluorescence is not None
        box = self.fields["method"].native
        for index, name in enumerate(METHODS):
            box.model().item(index).setEnabled(has or name == "keep")
        if not has:
            self.fields["method"].value = "keep"
        elif self.method == "keep":
            self.fields["method"].value = "events"
        self._follow_method()
        self.show_used()

    def _on_changed(self, name: str) -> None:
        if name == "method":
            self._follow_method()
        if name in ("method", "raw", "motion_trace"):
            self.show_used()
        self.changed.emit()

    def _follow_method(self) -> None:
        """Enter the usual threshold of the chosen method."""
        usual = METHODS[self.method]
        if usual is not None:
            self.fields["threshold"].value = usual
            self.fields["threshold"].native.setSuffix(_UNITS[self.method])

    def _ticked(self) -> tuple[str, ...]:
        """Return the names of the regions whose neurons are kept."""
        items = (self.regions.item(row) for row in range(self.regions.count()))
        return tuple(i.text() for i in items if i.checkState() == Qt.CheckState.Checked)
