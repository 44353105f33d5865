"""Atlas tab: open an atlas, place the neurons in it with a preview, assign regions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.anatomy.atlas import LARVAL_FISH, cached_brainglobe
from napari_crbm.viewer.docks.anatomy.placement_form import PlacementForm
from napari_crbm.viewer.layers.connectivity import ConnectionLayers
from napari_crbm.viewer.parts.notices import show_error
from napari_crbm.viewer.parts.style import button, scrolling, text_label
from napari_crbm.viewer.parts.widget_lifetime import follow

if TYPE_CHECKING:
    from napari_crbm.anatomy.atlas import Atlas
    from napari_crbm.anatomy.meshes import Mesh, PlacedAtlas
    from napari_crbm.anatomy.placement import Placement
    from napari_crbm.recording import Recording
    from napari_crbm.regions import Regions
    from napari_crbm.viewer.home import Home

#: The regions in the file of the recording.
OWN = "the recording's own"
_ZEBRAFISH = "mpin_zfish_1um"
_HINT = "Check that the neurons (blue inside, orange outside) fill the brain."
_PREVIEWED, _SCORED = 6000, 1500
_SCORE_AFTER_MS = 250
_ENDINGS = "*.tif *.tiff *.nrrd *.nii *.nii.gz *.mat *.npy *.npz"


class Assignment(NamedTuple):
    """Regions of the neurons, the placed atlas they come from, and arguments to repeat it."""

    regions: Regions
    placed: PlacedAtlas | None
    how: dict[str, Any]


class AtlasPanel(QWidget):
    """Form for an atlas; emits ``assigned(Assignment)`` when regions were assigned."""

    assigned = Signal(object)

    def __init__(self, home: Home, layers: ConnectionLayers) -> None:
        super().__init__()
        self.home, self.layers = home, layers
        self.atlas: Atlas | None = None
        self.placement: Placement | None = None
        self.own: Regions | None = None
        self._opened_own: Regions | None = None
        # Arguments that open the atlas again, or the names of the recording's own regions.
        self._opened_as: dict[str, Any] = {}
        self._body: Mesh | None = None
        self._scoring = QTimer(self, singleShot=True, interval=_SCORE_AFTER_MS)
        self._scoring.timeout.connect(self._score)
        self._make_source()
        self.form = PlacementForm()
        self.form.changed.connect(self._on_change)
        self.form.centre_wanted.connect(self._centre)
        self.flips, self.order, self.unit = self.form.flips, self.form.order, self.form.unit
        self.best = button("Best", "Choose the flips with the most neurons inside.", self._best)
        self.level = QComboBox()
        self.level.setToolTip("Level of the atlas: how finely the brain is divided.")
        self.sides = QCheckBox("Left and right separate")
        self.sides.setChecked(True)
        self.score = text_label("")
        self.assign = button(
            "Assign regions", "Replace the regions of the open recording.", self._assign
        )
        self._lay_out()
        follow(self, home.workspace.recording_changed, self._on_recording)
        self._on_recording()

    def _make_source(self) -> None:
        self.source = QComboBox()
        self.source.setEditable(True)
        self.source.setToolTip(
            "Name of a BrainGlobe atlas, file of a label volume, the fish of simulated\n"
            "recordings, or the regions in the file of the recording."
        )
        self.source.addItems([LARVAL_FISH, OWN, *cached_brainglobe()])
        if self.source.findText(_ZEBRAFISH) < 0:
            self.source.addItem(_ZEBRAFISH)
        self.source.editTextChanged.connect(self._on_source)
        self.names = QLineEdit()
        self.names_browse = button("...", "Choose a table of region names.", self._browse_names)
        self.spacing = QLineEdit()
        self.spacing.setPlaceholderText("Voxel size, µm: 0.798 0.798 2")
        self.orientation = QLineEdit()
        self.orientation.setPlaceholderText("Axes start at: sal")
        self.orientation.setToolTip(
            "Where each axis of the volume starts: s or i (superior, inferior), a or p (anterior,\n"
            "posterior), l or r (left, right). 'las': the first axis starts at the left, the\n"
            "second at the anterior, the third at the superior end."
        )
        self.download = QCheckBox("Download")
        self.download.setToolTip(
            "The atlas is not on this computer. Download it from BrainGlobe: this needs an "
            "internet connection and takes minutes."
        )
        self.open = button("Open", "Open the atlas and find the best flips.", self.open_atlas)
        self.names_row = _row(self.names, self.names_browse)
        self.volume_row = _row(self.spacing, self.orientation)

    def _lay_out(self) -> None:
        self.form.flip_row.addWidget(self.best)
        inner = QWidget()
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(4, 4, 4, 4)
        browse = button("File ...", "Choose a label volume.", self._browse)
        layout.addWidget(_row(QLabel("Atlas"), self.source, browse))
        layout.addWidget(self.names_row)
        layout.addWidget(self.volume_row)
        layout.addWidget(_row(self.download, self.open))
        layout.addWidget(self.score)
        layout.addWidget(self.form)
        layout.addWidget(_row(self.level))
        layout.addWidget(self.sides)
        layout.addWidget(self.assign)
        layout.addStretch(1)
        for box in (self.source, self.level):
            box.setMinimumContentsLength(8)
            box.setSizeAdjustPolicy(
                QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
            )
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(scrolling(inner))

    # --- opening ------------------------------------------------------------------------

    def open_atlas(self) -> None:
        """Open the atlas in the background, then find the best flips."""
        source = self.source.currentText().strip()
        names = self.names.text().strip() or None
        if source == OWN:
            self._open_own(names)
            return
        orientation = self.orientation.text().strip() or None
        numbers = self.spacing.text().replace(",", " ").split()
        download = self.download.isVisible() and self.download.isChecked()

        def work(_report: Callable[[int, int], None]) -> tuple[Atlas, Mesh, dict[str, Any]]:
            from napari_crbm.anatomy.atlas import open_atlas
            from napari_crbm.anatomy.meshes import brain_mesh
            from napari_crbm.errors import RecordingError

            try:
                size = tuple(float(text) for text in numbers)
            except ValueError as error:
                raise RecordingError(
                    f"Voxel size: expected three numbers in micrometres, found {error}."
                ) from error
            if size and len(size) != 3:
                raise RecordingError(
                    f"Voxel size: expected three numbers, one per axis, found {len(size)}."
                )
            opening = {
                "source": source,
                "names": names,
                "spacing_um": size or None,
                "orientation": orientation,
            }
            atlas = open_atlas(**opening, download=download)
            _ = atlas.brain_points
            return atlas, brain_mesh(atlas), opening

        self.open.setEnabled(False)
        self.home.run(
            f"Opening {Path(source).name}",
            work,
            self._opened,
            lambda: self.open.setEnabled(True),
            owner=self,
        )

    def _opened(self, opened: tuple[Atlas, Mesh, dict[str, Any]]) -> None:
        from napari_crbm.anatomy.placement import Placement, likely_unit

        self.open.setEnabled(True)
        self.atlas, self._body, self._opened_as = opened
        self._opened_own = None
        self.placement = Placement.onto(self.atlas)
        self._list_levels(
            self.atlas.n_levels, np.bincount(self.atlas.depth).tolist(), all_levels=True
        )
        self._enable()
        sample = self._sample(_SCORED)
        if sample is None:
            return
        unit = likely_unit(self.atlas, sample)
        self.form.show_placement(Placement.onto(self.atlas, scale=(unit, unit, unit)))
        self._best()

    def _open_own(self, names: str | None) -> None:
        """Use the regions in the file of the recording, renamed from a file if one is given."""
        from napari_crbm.anatomy.hierarchy import at_level, n_levels, renamed
        from napari_crbm.errors import CRBMError, FormatError

        if self.own is None:
            show_error("The file of this recording has no regions. Choose an atlas.")
            return
        regions = self.own
        try:
            if names is not None:
                try:
                    lines = Path(names).read_text(encoding="utf-8-sig").splitlines()
                except (OSError, UnicodeDecodeError) as error:
                    raise FormatError(f"{names} cannot be read: {error}.") from error
                regions = renamed(regions, [line.strip() for line in lines if line.strip()])
        except CRBMError as error:
            show_error(str(error))
            return
        self.layers.end_placement()
        self.atlas = self.placement = None
        self._opened_own, self._opened_as = regions, {"names": names}
        levels = n_levels(regions)
        counts = [len(at_level(regions, level).names) for level in range(levels)]
        self._list_levels(levels, counts, all_levels=True)
        self.score.setText(
            f"{100 * regions.labelled.mean():.1f} % of the neurons are in the "
            f"{len(regions.names)} regions of the recording."
        )
        self._enable()

    def _list_levels(self, n_levels: int, counts: list[int], *, all_levels: bool) -> None:
        self.level.clear()
        self.level.addItem("Smallest regions", None)
        for level in range(n_levels if n_levels > 1 else 0):
            top = " (top)" if level == 0 else ""
            self.level.addItem(f"Level {level + 1}{top}: {counts[level]} regions", level)
        if all_levels and n_levels > 1:
            self.level.addItem("All levels, overlapping", -1)

    # --- placing ------------------------------------------------------------------------

    def _sample(self, most: int) -> NDArray[np.float32] | None:
        recording = self.home.workspace.recording
        if recording is None or not recording.located.any():
            return None
        known = recording.positions[recording.located]
        return known[:: max(1, len(known) // most)]

    def _best(self) -> None:
        from napari_crbm.anatomy.placement import best_flips

        sample = self._sample(_PREVIEWED)
        if self.atlas is None or self.placement is None or sample is None:
            return
        found, _ = best_flips(self.atlas, sample, self.form.placement(self.placement))
        self.form.show_placement(found)

    def _centre(self) -> None:
        from napari_crbm.anatomy.placement import centred

        sample = self._sample(_PREVIEWED)
        if self.atlas is not None and self.placement is not None and sample is not None:
            self.form.show_placement(centred(self.atlas, self.placement, sample))

    def _on_change(self) -> None:
        sample = self._sample(_PREVIEWED)
        if self.atlas is None or self.placement is None or self._body is None or sample is None:
            return
        self.placement = self.form.placement(self.placement)
        points = self.placement.apply(sample)
        inside = self.atlas.inside(points)
        self.layers.show_placement(self._body, points, inside)
        self._say(float(inside.mean()))
        self._scoring.start()

    def _say(self, inside: float, doubts: Sequence[str] = ()) -> None:
        assert self.atlas is not None
        share = f"<b>{100 * inside:.1f} %</b> of the neurons lie inside {self.atlas.name}."
        self.score.setText(" ".join((share, *doubts, _HINT)))

    def _score(self) -> None:
        """Score all flips of the current placement, shortly after the last change."""
        from napari_crbm.anatomy.placement import doubts, fraction_inside, score_placements

        sample = self._sample(_SCORED)
        if self.atlas is not None and self.placement is not None and sample is not None:
            scores = score_placements(self.atlas, sample, self.placement)
            self.form.show_scores(scores)
            shown = self._sample(_PREVIEWED)
            assert shown is not None
            self._say(
                fraction_inside(self.atlas, self.placement, shown),
                doubts(self.atlas, self.placement, sample, scores),
            )

    def _assign(self) -> None:
        recording = self.home.workspace.recording
        level, sides = self.level.currentData(), self.sides.isChecked()
        atlas, placement, own = self.atlas, self.placement, self._opened_own
        opened_as = self._opened_as
        if recording is None:
            return

        def work(_report: Callable[[int, int], None]) -> Assignment:
            from napari_crbm.anatomy.hierarchy import at_level
            from napari_crbm.anatomy.meshes import PlacedAtlas

            if own is not None:
                regions = own if level == -1 else at_level(own, level)
                return Assignment(regions, None, {**opened_as, "level": level})
            assert atlas is not None and placement is not None
            regions = atlas.regions_of(
                placement.apply(recording.positions), level=level, sides=sides
            )
            placed = {
                field.name: getattr(placement, field.name)
                for field in fields(placement)
                if getattr(placement, field.name) != field.default
            }
            how = {"atlas": opened_as, "placement": placed, "level": level, "sides": sides}
            return Assignment(regions, PlacedAtlas(atlas, placement), how)

        self.home.run(
            "Assigning regions", work, lambda made: self._assigned(recording, made), owner=self
        )

    def _assigned(self, recording: Recording, made: Assignment) -> None:
        self.layers.end_placement()
        if recording is self.home.workspace.recording:
            self.assigned.emit(made)

    # --- state ----------------------------------------------------------------------------

    def _on_source(self) -> None:
        source = self.source.currentText().strip()
        is_own, is_file = source == OWN, bool(Path(source).suffix)
        self.names_row.setVisible(is_own or is_file)
        self.names.setPlaceholderText(
            "Names of numbered regions, one per line (optional)"
            if is_own
            else "Table of labels and names"
        )
        self.volume_row.setVisible(is_file)
        known = is_own or is_file or source == LARVAL_FISH or source in cached_brainglobe()
        self.download.setVisible(not known and bool(source))

    def _browse(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Label volume", "", f"Volumes ({_ENDINGS})")
        if path:
            self.source.setEditText(path)

    def _browse_names(self) -> None:
        path, _ = QFileDialog.getOpenFileName(self, "Names", "", "Tables (*.csv *.txt *.tsv)")
        if path:
            self.names.setText(path)

    def _on_recording(self) -> None:
        recording = self.home.workspace.recording
        self.own = None if recording is None else recording.regions
        self._opened_own = None
        self.layers.end_placement(restore=False)
        self.score.setText("Choose an atlas and press Open.")
        self._on_source()
        self._enable()

    def _enable(self) -> None:
        has_recording = self.home.workspace.recording is not None
        placing = has_recording and self.atlas is not None
        self.form.setVisible(placing)
        self.sides.setVisible(placing)
        for part in (self.assign, self.level):
            part.setEnabled(placing or (has_recording and self._opened_own is not None))


def _row(*widgets: QWidget) -> QWidget:
    pane = QWidget()
    line = QHBoxLayout(pane)
    line.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        line.addWidget(widget, 1 if isinstance(widget, QComboBox | QLineEdit) else 0)
    return pane
