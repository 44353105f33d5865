"""Choose an atlas, place the neurons in it with a live preview, assign their regions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.anatomy.atlas import LARVAL_FISH
from napari_crbm.viewer.connectivity_layers import ConnectionLayers
from napari_crbm.viewer.style import button, text_label

if TYPE_CHECKING:
    from napari_crbm.anatomy.atlas import Atlas
    from napari_crbm.anatomy.placement import Placement
    from napari_crbm.viewer.home import Home

_HINT = (
    "Open an atlas, then check that the neurons (blue inside, orange outside) fill the brain. "
    "A brain and its mirror image look alike: left and right you have to know."
)
_PREVIEWED = 6000
_LEVELS = (("Smallest regions", None), ("Top level", 0), ("Second level", 1), ("All levels", -1))


class AtlasPanel(QWidget):
    """Emits ``assigned(regions)`` when regions were assigned."""

    assigned = Signal(object)

    def __init__(self, home: Home, layers: ConnectionLayers) -> None:
        super().__init__()
        self.home, self.layers = home, layers
        self.atlas: Atlas | None = None
        self.placement: Placement | None = None
        self._syncing = False

        self.source = QComboBox()
        self.source.setEditable(True)
        self.source.addItems([LARVAL_FISH, "mpin_zfish_1um"])
        self.source.setToolTip(
            "The fish of simulated recordings, a BrainGlobe atlas by name, or a label volume file."
        )
        self.names = QLineEdit()
        self.names.setPlaceholderText("Table of labels and names (volume files only)")
        self.spacing = QLineEdit()
        self.spacing.setPlaceholderText("Voxel size in µm, e.g. 0.798 0.798 2")
        self.orientation = QLineEdit()
        self.orientation.setPlaceholderText("Axes start at, e.g. sal or las")
        self.orientation.setToolTip(
            "Where the volume's axes start: s or i (top, bottom), a or p (front, back), l or r."
        )
        form = QFormLayout()
        form.addRow(
            "Atlas", _row(self.source, button("File ...", "Choose a volume.", self._browse))
        )
        form.addRow("Names", self.names)
        form.addRow("Volume", _row(self.spacing, self.orientation))
        self.open = button("Open atlas", "Open it and find the best orientation.", self.open_atlas)

        self.flips = [QCheckBox(f"Flip {axis}") for axis in "zyx"]
        for box in self.flips:
            box.toggled.connect(self._on_change)
        self.unit = QDoubleSpinBox()
        self.unit.setRange(1e-3, 1e5)
        self.unit.setDecimals(3)
        self.unit.setValue(1.0)
        self.unit.setToolTip("Micrometres a unit of the coordinates: 1000 for millimetres.")
        self.unit.valueChanged.connect(self._on_change)
        self.order = QComboBox()
        self.order.addItems(["".join(axes) for axes in permutations("zyx")])
        self.order.setToolTip("What the three columns of the coordinates are.")
        self.order.currentTextChanged.connect(self._on_change)
        self.level = QComboBox()
        for text, value in _LEVELS:
            self.level.addItem(text, value)
        self.score = text_label(_HINT)
        self.best = button(
            "Best flips", "Try all flips; most neurons inside wins.", self._find_best
        )
        self.assign = button("Assign regions", "Use these regions for the map.", self._assign)
        layout = QVBoxLayout(self)
        layout.addLayout(form)
        layout.addWidget(self.open)
        layout.addWidget(_row(*self.flips, self.best))
        layout.addWidget(_row(QLabel("Columns"), self.order, QLabel("µm a unit"), self.unit))
        layout.addWidget(_row(self.level, self.assign))
        layout.addWidget(self.score)
        layout.addStretch(1)
        self._enable()
        home.workspace.recording_changed.connect(self._on_recording)

    def open_atlas(self) -> None:
        """Open the atlas in the background and find the best flips."""
        source = self.source.currentText().strip()
        names = self.names.text().strip() or None
        orientation = self.orientation.text().strip() or None
        numbers = self.spacing.text().replace(",", " ").split()

        def work(_report: Callable[[int, int], None]) -> Atlas:
            from napari_crbm.anatomy.atlas import open_atlas
            from napari_crbm.errors import RecordingError

            try:
                size = tuple(float(text) for text in numbers)
            except ValueError as error:
                raise RecordingError(f"Voxel sizes must be numbers: {error}.") from error
            if size and len(size) != 3:
                raise RecordingError("Give three voxel sizes, one for each axis.")
            atlas = open_atlas(
                source,
                names=names,
                spacing_um=(size[0], size[1], size[2]) if size else None,
                orientation=orientation,
            )
            _ = atlas.brain_points
            return atlas

        self.home.run(f"Opening {Path(source).name}", work, self._opened)

    def _opened(self, atlas: Atlas) -> None:
        from napari_crbm.anatomy.placement import Placement

        self.atlas, self.placement = atlas, Placement.onto(atlas)
        self._enable()
        self._find_best()

    def _find_best(self) -> None:
        from napari_crbm.anatomy.placement import best_flips

        recording = self.home.workspace.recording
        if self.atlas is None or recording is None:
            return
        step = max(1, recording.n_neurons // _PREVIEWED)
        found, _ = best_flips(self.atlas, recording.coordinates[::step], self._chosen())
        self._syncing = True
        for box, flip in zip(self.flips, found.flips, strict=True):
            box.setChecked(flip)
        self._syncing = False
        self._on_change()

    def _chosen(self) -> Placement:
        assert self.placement is not None
        z, y, x = (box.isChecked() for box in self.flips)
        unit = self.unit.value()
        columns = self.order.currentText()
        order = (columns.index("z"), columns.index("y"), columns.index("x"))
        return replace(self.placement, order=order, flips=(z, y, x), scale=(unit, unit, unit))

    def _on_change(self, *_: Any) -> None:
        recording = self.home.workspace.recording
        if self._syncing or self.atlas is None or recording is None:
            return
        self.placement = self._chosen()
        step = max(1, recording.n_neurons // _PREVIEWED)
        points = self.placement.apply(recording.coordinates[::step])
        inside = self.atlas.inside(points)
        self.layers.show_placement(self.atlas.brain_points[::4], points, inside)
        self.score.setText(
            f"<b>{100 * inside.mean():.1f} %</b> of the neurons lie inside {self.atlas.name}. "
            f"{_HINT}"
        )

    def _assign(self) -> None:
        recording = self.home.workspace.recording
        if self.atlas is None or self.placement is None or recording is None:
            return
        points = self.placement.apply(recording.coordinates)
        regions = self.atlas.regions_of(points, level=self.level.currentData())
        self.layers.end_placement()
        self.assigned.emit(regions)

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self,
            "Label volume",
            "",
            "Volumes (*.tif *.tiff *.nrrd *.nii *.nii.gz *.mat *.npy *.npz)",
        )
        if path:
            self.source.setEditText(path)

    def _on_recording(self) -> None:
        self.layers.end_placement(restore=False)
        self._enable()

    def _enable(self) -> None:
        ready = self.atlas is not None and self.home.workspace.recording is not None
        for part in (*self.flips, self.order, self.unit, self.best, self.assign):
            part.setEnabled(ready)


def _row(*widgets: QWidget) -> QWidget:
    pane = QWidget()
    line = QHBoxLayout(pane)
    line.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        line.addWidget(widget)
    return pane
