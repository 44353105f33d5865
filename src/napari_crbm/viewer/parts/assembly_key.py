"""Key to the colours of several assemblies on the canvas."""

from __future__ import annotations

import numpy as np
from qtpy.QtWidgets import QLabel

from napari_crbm.viewer.parts.widget_lifetime import follow
from napari_crbm.viewer.state.workspace import Workspace

_MOST_LISTED = 8


def assembly_key(workspace: Workspace) -> str:
    """Return the colours of the selected assemblies in rich text; empty for fewer than two.

    Neurons that are members of more than one assembly are counted: they have a colour of
    their own.
    """
    several, weights = workspace.assemblies, workspace.weights
    if weights is None or len(several) < 2 or max(several) >= weights.shape[1]:
        return ""
    palette = workspace.palette
    members = [workspace.shown_members(assembly) for assembly in several]
    _, times = np.unique(np.concatenate(members), return_counts=True)
    dots = [
        f'<span style="color: {palette.assembly(place)}">&#9679;</span> {assembly}'
        for place, assembly in enumerate(several[:_MOST_LISTED])
    ]
    more = f", {len(several) - _MOST_LISTED} more" if len(several) > _MOST_LISTED else ""
    return (
        f"<b>Assemblies</b> {', '.join(dots)}{more}; {palette.shared_name}: "
        f"{int((times > 1).sum()):,} neurons in several; rings: negative weight"
    )


class AssemblyKey(QLabel):
    """Label with the `assembly_key` of a workspace; hidden for fewer than two assemblies."""

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self._workspace = workspace
        self.setWordWrap(True)
        for signal in (
            workspace.assembly_changed,
            workspace.threshold_changed,
            workspace.trained_changed,
            workspace.palette_changed,
            workspace.region_view.changed,
        ):
            follow(self, signal, self.show_key)
        self.show_key()

    def show_key(self) -> None:
        """Write the key of the assemblies that are selected now."""
        text = assembly_key(self._workspace)
        self.setText(text)
        self.setVisible(bool(text))
