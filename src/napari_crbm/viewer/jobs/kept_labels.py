"""Labels that are kept by themselves until the model is saved with them.

They lie beside the kept trainings, in one file per model.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, QTimer

from napari_crbm.errors import LabelError
from napari_crbm.io.safety.replacing import replacing
from napari_crbm.labels import Labels
from napari_crbm.viewer.jobs import autosave
from napari_crbm.viewer.parts.notices import show_warning
from napari_crbm.viewer.parts.widget_lifetime import follow

if TYPE_CHECKING:
    from napari_crbm.model import CRBM
    from napari_crbm.viewer.state.workspace import Workspace

#: Maximum number of files kept, over all models.
MOST_FILES = 200


def path_of(model: CRBM) -> Path:
    """Return the file of the labels of a model, whether it exists or not."""
    digest = hashlib.blake2b(model.fields_.tobytes(), digest_size=12)
    digest.update(str(model.weights_.shape).encode())
    return autosave.folder() / "labels" / f"{digest.hexdigest()}.json"


def keep(model: CRBM) -> None:
    """Write the labels of a model.

    Raises
    ------
    OSError
        If they cannot be written.
    """
    path = path_of(model)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(model.labels_.as_dict()), encoding="utf-8")
    files = sorted(path.parent.glob("*.json"), key=lambda each: each.stat().st_mtime, reverse=True)
    for old in files[MOST_FILES:]:
        old.unlink(missing_ok=True)


def kept(model: CRBM) -> Labels | None:
    """Return the kept labels of a model; None without, or if they do not suit it any more."""
    with suppress(OSError, ValueError, LabelError):
        labels = Labels.from_dict(json.loads(path_of(model).read_text(encoding="utf-8")))
        labels.check(model.n_assemblies, model.n_neurons)
        return labels
    return None


def forget(model: CRBM) -> None:
    """Delete the kept labels of a model: it was saved with them."""
    path_of(model).unlink(missing_ok=True)


class LabelKeeper(QObject):
    """Keeps the labels of the shown model soon after each change, and brings them back.

    Parameters
    ----------
    workspace : Workspace
    parent : QObject
        The owner of this object.
    """

    def __init__(self, workspace: Workspace, parent: QObject) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._shown: CRBM | None = None
        self._warned = self._due = False
        # Notes are typed one letter at a time.
        self._soon = QTimer(self, singleShot=True, interval=500)
        self._soon.timeout.connect(self.keep_now)
        follow(self, workspace.labels.edited, self._on_edit)
        follow(self, workspace.trained_changed, self._on_shown)

    def _on_edit(self) -> None:
        self._due = True
        self._soon.start()

    def keep_now(self) -> None:
        """Write the labels of the shown model, if they were changed since."""
        self._soon.stop()
        if not self._due or self._shown is None:
            return
        self._due = False
        try:
            keep(self._shown)
        except OSError as error:
            if not self._warned:
                show_warning(
                    f"Names and groups could not be kept ({error}): save the model before you "
                    "close the window."
                )
            self._warned = True

    def _on_shown(self) -> None:
        trained = self._workspace.trained
        model = None if trained is None else trained.model
        if model is self._shown:
            return
        self.keep_now()
        self._shown = model
        found = None if model is None else kept(model)
        if found is not None:
            self._workspace.labels.put(found)
