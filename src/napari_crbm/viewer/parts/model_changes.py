"""Notice another model, and not merely another table of the same one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QObject

from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.workspace import Workspace

if TYPE_CHECKING:
    from napari_crbm.model import CRBM


class ModelChanges(QObject):
    """Call a method of a dock when the workspace shows another model, or none.

    Regions that are assigned and the result of training on two halves replace the table of
    assemblies, not the model: what was computed from the model stays valid.

    Parameters
    ----------
    listener : QObject
        The dock; owns this object.
    workspace : Workspace
    act : callable
    """

    def __init__(self, listener: QObject, workspace: Workspace, act: Callable[[], Any]) -> None:
        super().__init__(listener)
        self._workspace, self._act = workspace, act
        self._last = self._model
        follow(self, workspace.trained_changed, self._check)

    @property
    def _model(self) -> CRBM | None:
        trained = self._workspace.trained
        return None if trained is None else trained.model

    def _check(self) -> None:
        before, self._last = self._last, self._model
        if before is not self._last:
            self._act()
