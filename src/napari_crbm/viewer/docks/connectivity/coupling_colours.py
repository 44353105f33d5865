"""Colours of all neurons by their coupling with one neuron, or mean coupling with a group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout

from napari_crbm.viewer.layers.colour_kinds import by_signed
from napari_crbm.viewer.parts.notices import show_info
from napari_crbm.viewer.parts.widget_lifetime import follow

if TYPE_CHECKING:
    from napari_crbm.viewer.state.connectivity import Mapped
    from napari_crbm.viewer.state.workspace import Workspace

_PARTNERS = {
    "neuron": "the clicked neuron",
    "neurons": "the chosen neurons",
    "assembly": "the chosen assembly",
    "region": "the first chosen region",
}

_FIRST = {
    "neuron": "Click a neuron on the canvas; all others are coloured by their coupling with it.",
    "neurons": "Choose neurons first, with the lasso of the Neurons dock.",
    "assembly": "Choose an assembly first, in the Assemblies dock.",
    "region": "Choose a region first, in the matrix or the circuit.",
}
_KIND = "coupling"


class CouplingColours(QHBoxLayout):
    """Tick box and list of partners; the colours follow the selection.

    Parameters
    ----------
    workspace : Workspace
    """

    def __init__(self, workspace: Workspace) -> None:
        super().__init__()
        self.workspace = workspace
        self._mapped: Mapped | None = None
        self._region: str | None = None
        self.wanted = QCheckBox("Colour by coupling with")
        self.wanted.setToolTip(
            "Colour all neurons by their effective coupling with a neuron, or by the mean over a "
            "group.\nOrange: more likely to be active together with it; blue: less likely."
        )
        self.wanted.toggled.connect(self._toggle)
        self.partner = QComboBox()
        for key, text in _PARTNERS.items():
            self.partner.addItem(text, key)
        self.partner.activated.connect(lambda _: self._toggle(self.wanted.isChecked()))
        self.addWidget(self.wanted)
        self.addWidget(self.partner, 1)
        follow(self, workspace.neuron_changed, self._show)
        follow(self, workspace.neurons_changed, self._show)
        follow(self, workspace.assembly_changed, self._show)
        follow(self, workspace.colouring_changed, self._follow)

    def use(self, mapped: Mapped | None) -> None:
        """Use the couplings of another map from the next selection on."""
        self._mapped, self._region = mapped, None

    def choose_region(self, region: str) -> None:
        """Set the region whose neurons are the partners."""
        self._region = region
        if self.partner.currentData() == "region":
            self._show()

    def _toggle(self, wanted: bool) -> None:
        if not wanted:
            if self._coloured:
                self.workspace.show_colouring(None)
        elif len(self._partners()):
            self._show()
        else:
            show_info(_FIRST[str(self.partner.currentData())])

    @property
    def _coloured(self) -> bool:
        """Whether the neurons are coloured by couplings."""
        colouring = self.workspace.colouring
        return colouring is not None and colouring.kind == _KIND

    def _follow(self) -> None:
        """Untick the box when another dock colours the neurons."""
        if not self._coloured:
            self.wanted.setChecked(False)

    def _show(self) -> None:
        mapped, partners = self._mapped, self._partners()
        if mapped is None or not self.wanted.isChecked() or not len(partners):
            return
        from napari_crbm.connectome import group_couplings

        couplings = group_couplings(mapped.factors, partners)
        self.workspace.show_colouring(
            by_signed(_KIND, "Coupling (nats)", couplings, self.workspace.palette)
        )

    def _partners(self) -> NDArray[np.int64]:
        """Return the neurons whose coupling with all others is shown."""
        workspace, what = self.workspace, self.partner.currentData()
        if what == "neuron":
            return np.array([] if workspace.neuron is None else [workspace.neuron], dtype=np.int64)
        if what == "neurons":
            return workspace.neurons
        if what == "assembly" and workspace.assembly is not None and workspace.trained is not None:
            return workspace.trained.members.of(workspace.assembly)
        if what == "region" and self._region is not None and self._mapped is not None:
            return self._mapped.regions.members(self._region)
        return np.array([], dtype=np.int64)
