"""Dialog to assign the arrays of a file of unknown layout, with guesses and a preview."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSplitter,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_crbm.errors import CRBMError
from napari_crbm.io.unknown.guess import settled
from napari_crbm.io.unknown.preview import Preview, preview
from napari_crbm.io.unknown.profile import Profile
from napari_crbm.io.unknown.profile_files import load_profile, remembered, save_profile
from napari_crbm.io.unknown.profile_fit import matched, problem
from napari_crbm.palette import ORANGE
from napari_crbm.viewer.jobs.job import Job
from napari_crbm.viewer.opening.mapping import Unmapped
from napari_crbm.viewer.opening.mapping_fields import MappingFields, shape_text
from napari_crbm.viewer.opening.mapping_preview import MappingPreview
from napari_crbm.viewer.parts.style import scrolling, text_label

_PREVIEW_MS = 200
_WAITING = "Looking at the values ..."


class MappingDialog(QDialog):
    """Assign the arrays of a file; the dialog is accepted when the profile fits the file.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose theme the plots follow.
    unknown : Unmapped
        The file, its arrays, the guessed profile, and the profile that was tried.
    parent : QWidget, optional
    """

    def __init__(self, viewer: Any, unknown: Unmapped, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path, self.entries, self.guessed = unknown.path, unknown.entries, unknown.guessed
        self.setWindowTitle(f"What is what in {self.path.name}?")
        self.resize(1120, 760)
        self._job: Job | None = None
        self._again = False
        self._as_guessed: Profile | None = None

        known = remembered(self.entries, self.path)
        self.why = text_label(
            unknown.why
            or f"Choose what each array of {self.path.name} holds. Guesses are filled in: if they "
            "are right, press Open."
        )
        self.profiles = QComboBox()
        self.profiles.setToolTip("Source of the choices below.")
        self.profiles.addItem("guessed from this file", self.guessed.profile)
        for each in known:
            self.profiles.addItem(f"as for '{each.name}'", each)
        self.fields = MappingFields(self.entries)
        self.preview = MappingPreview(viewer)
        self.tree = QTreeWidget()
        self.message = text_label("")
        self._lay_out()
        self._fill_tree()

        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PREVIEW_MS)
        self._timer.timeout.connect(self._look)
        self.fields.changed.connect(self._check)
        self.fields.array_changed.connect(self._settle)
        self.profiles.activated.connect(lambda _: self.start_from(self.profiles.currentData()))
        tried = unknown.profile
        self.profiles.setCurrentIndex(1 if known and tried is None else 0)
        self.start_from(tried or (known[0] if known else self.guessed.profile))

    def _lay_out(self) -> None:
        self.tree.setHeaderLabels(["Array", "Shape", "Type", "Used as"])
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._menu)
        self.tree.setToolTip("Right-click an array to choose what it holds.")
        save = QPushButton("Save profile...")
        save.setToolTip("Save these choices to a file, for colleagues or for 'convert --profile'.")
        save.clicked.connect(lambda: self._save())
        load = QPushButton("Load...")
        load.setToolTip("Use a profile that was saved.")
        load.clicked.connect(lambda: self._load())
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Open | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.addButton(save, QDialogButtonBox.ButtonRole.ActionRole)
        self.save, self.ok = save, self.buttons.button(QDialogButtonBox.StandardButton.Open)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        row = QHBoxLayout()
        row.addWidget(text_label("Choices from", wrap=False))
        row.addWidget(self.profiles, 1)
        row.addWidget(load)
        scroll = scrolling(self.fields)
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 8, 0)
        column.addWidget(self.tree, 2)
        column.addLayout(row)
        column.addWidget(scroll, 3)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(left)
        split.addWidget(self.preview)
        split.setSizes([560, 560])
        layout = QVBoxLayout(self)
        layout.addWidget(self.why)
        layout.addWidget(split, 1)
        layout.addWidget(self.message)
        layout.addWidget(self.buttons)

    # --- the tree -------------------------------------------------------------------------

    def _fill_tree(self) -> None:
        groups: dict[str, QTreeWidgetItem] = {}
        self._items: dict[str, QTreeWidgetItem] = {}
        for entry in self.entries:
            *path, last = entry.name.split("/")
            parent: Any = self.tree
            for depth, part in enumerate(path):
                key = "/".join(path[: depth + 1])
                if key not in groups:
                    groups[key] = QTreeWidgetItem(parent, [part])
                    groups[key].setExpanded(True)
                parent = groups[key]
            item = QTreeWidgetItem(parent, [last, shape_text(entry), entry.dtype, ""])
            item.setData(0, Qt.ItemDataRole.UserRole, entry.name)
            item.setDisabled(not (entry.numeric or entry.text))
            self._items[entry.name] = item
        for column in range(3):
            self.tree.resizeColumnToContents(column)

    def _show_roles(self, profile: Profile) -> None:
        roles: dict[str, str] = {}
        for role in ("activity", "times", "fluorescence", "labels"):
            roles[getattr(profile, role) or ""] = _ROLES[role]
        roles |= dict.fromkeys(profile.traces, _ROLES["traces"])
        if len(profile.positions) == 1:
            roles[profile.positions[0]] = _ROLES["positions"]
        else:
            roles |= {n: f"position {a}" for n, a in zip(profile.positions, "xyz", strict=False)}
        for name, item in self._items.items():
            item.setText(3, roles.get(name, ""))

    def _menu(self, where: Any) -> None:
        item = self.tree.itemAt(where)
        name = item.data(0, Qt.ItemDataRole.UserRole) if item is not None else None
        if name is None or item.isDisabled():
            return
        menu = QMenu(self)
        for role, text in _ROLES.items():
            action = menu.addAction(f"Use as {text}")
            action.triggered.connect(lambda _=False, role=role: self.use(name, role))
        menu.popup(self.tree.viewport().mapToGlobal(where))

    def use(self, name: str, role: str) -> None:
        """Assign a role to an array: "activity", "positions", "times", ..."""
        try:
            now = self.fields.profile()
        except CRBMError as error:
            self._refuse(str(error))
            return
        if role == "positions":
            change: dict[str, Any] = {"positions": (name,)}
        elif role == "traces":
            change = {"traces": (*now.traces, name)}
        else:
            change = {role: name}
        wanted = settled(replace(now, **change), self.entries)
        # The fields offer only two-dimensional arrays for these roles.
        table = len(next(e.shape for e in self.entries if e.name == name)) == 2
        wrong = problem(wanted, self.entries)
        if wrong and not table and role in ("activity", "positions", "fluorescence"):
            self._refuse(wrong)
        else:
            self.start_from(wanted)

    # --- fields ---------------------------------------------------------------------------

    def start_from(self, profile: Profile) -> None:
        """Fill in the fields from a profile."""
        self.fields.show_profile(replace(profile, name=profile.name or self.path.stem))
        if profile == self.guessed.profile:
            with suppress(CRBMError):
                self._as_guessed = self.fields.profile()
        self._check()

    @property
    def profile(self) -> Profile:
        """Profile entered in the fields; valid once the dialog was accepted."""
        return self.fields.profile()

    def _settle(self) -> None:
        """Set the axes of a newly chosen array where its shape determines them."""
        try:
            self.start_from(settled(self.fields.profile(), self.entries))
        except CRBMError as error:
            self._refuse(str(error))

    def _check(self) -> None:
        """Check that the entered profile fits the file, then start the preview."""
        self.ok.setEnabled(False)
        try:
            profile = self.fields.profile()
        except CRBMError as error:
            self._refuse(str(error))
            return
        self._show_roles(profile)
        if wrong := problem(profile, self.entries):
            doubt = self.guessed.reasons.get("activity") if not profile.activity else None
            self._refuse(f"{wrong} {doubt}." if doubt else wrong)
            return
        self.save.setEnabled(True)
        self.message.setText(_WAITING)
        self._timer.start()

    def _refuse(self, sentence: str) -> None:
        self._timer.stop()
        self.ok.setEnabled(False)
        self.save.setEnabled(False)
        self.preview.clear()
        self.message.setText(f"<span style='color:{ORANGE}'>{sentence}</span>")

    # --- preview --------------------------------------------------------------------------

    def _look(self) -> None:
        """Read a sample of the file in the background; repeat if a field changes meanwhile."""
        if self._job is not None:
            self._again = True
            return
        profile = self.fields.profile()

        def work(_report: Callable[[int, int], None]) -> Preview:
            return preview(self.path, profile)

        self._job = Job(work, self)
        self._job.done.connect(lambda seen: self._looked(profile, seen))
        self._job.failed.connect(lambda text: self._looked(profile, text))
        self._job.start()

    def _looked(self, profile: Profile, seen: Preview | str) -> None:
        self._job = None
        try:
            current = self.fields.profile()
        except CRBMError:
            return
        if self._again or current != profile:
            self._again = False
            if problem(current, self.entries) is None:
                self._look()
            return
        if isinstance(seen, str):
            self._refuse(seen)
            return
        self.preview.show_preview(seen)
        self.message.setText(self._summary(profile))
        self.ok.setEnabled(True)

    def _summary(self, profile: Profile) -> str:
        shape = next(entry.shape for entry in self.entries if entry.name == profile.activity)
        first, second = (f"{length:,}" for length in shape)
        n_neurons, n_frames = (first, second) if profile.neurons_first else (second, first)
        text = f"{n_neurons} neurons in {n_frames} frames."
        if profile.times is None and profile.frame_rate_hz is None:
            text += " The frame rate is not known: one frame per second is assumed."
        if profile == self._as_guessed and self.guessed.reasons:
            told = "; ".join(
                f"{_FIELDS[field]}: {reason}"
                for field, reason in self.guessed.reasons.items()
                if field in _FIELDS
            )
            text += f" <br><span style='color:gray'>Reasons for the guess: {told}.</span>"
        return text

    # --- files ----------------------------------------------------------------------------

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save profile", str(self.path.with_suffix(".profile.json")), "Profiles (*.json)"
        )
        if path:
            self.save_to(path)

    def save_to(self, path: str | Path) -> None:
        """Write the profile to a file."""
        try:
            save_profile(replace(self.fields.profile(), name=Path(path).stem), path)
        except CRBMError as error:
            self.message.setText(f"<span style='color:{ORANGE}'>{error}</span>")
        else:
            self.message.setText(f"Saved {Path(path).name}.")

    def _load(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Load profile", str(self.path.parent), "Profiles (*.json);;All files (*)"
        )
        if path:
            self.load_from(path)

    def load_from(self, path: str | Path) -> None:
        """Fill in the fields from a profile file."""
        try:
            self.start_from(matched(load_profile(path), self.entries, self.path))
        except CRBMError as error:
            self._refuse(str(error))


_ROLES = {
    "activity": "activity",
    "positions": "positions",
    "times": "times",
    "fluorescence": "dF/F beside spikes",
    "labels": "regions",
    "traces": "stimulus or behaviour",
}
_FIELDS = {
    "positions": "positions",
    "activity": "activity",
    "neurons_first": "the time axis",
    "axes": "axes",
    "unit": "unit",
    "holds": "kind of values",
    "times": "times",
    "frame_rate_hz": "frame rate",
}
