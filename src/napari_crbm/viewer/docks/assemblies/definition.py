"""Choice of the definition of members in the *Assemblies* dock."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, cast

from qtpy.QtWidgets import QComboBox

from napari_crbm.declarations import declared
from napari_crbm.model import MemberSettings
from napari_crbm.viewer.home import Home

if TYPE_CHECKING:
    from napari_crbm.model.members.settings import Definition


class DefinitionBox(QComboBox):
    """Shows the definition of members in the shown model, and lets the user choose another."""

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home = home
        (each,) = declared(MemberSettings)
        self.addItems(each.words)
        self.setToolTip("\n".join(textwrap.wrap(each.help, 80)))
        self.activated.connect(self._on_choice)

    def show_definition(self) -> None:
        """Show the definition of the model."""
        trained = self.home.workspace.trained
        if trained is not None:
            self.setCurrentText(trained.members.definition)

    def _on_choice(self) -> None:
        """Find the members again in the background; the selection does not change."""
        trained, recording = self.home.workspace.trained, self.home.workspace.recording
        chosen = cast("Definition", self.currentText())
        if trained is None or recording is None or trained.members.definition == chosen:
            return
        self.home.run(
            "Finding the members of assemblies",
            lambda _: trained.by(chosen, recording),
            self.home.workspace.update_table,
            self.show_definition,
            owner=self,
        )
