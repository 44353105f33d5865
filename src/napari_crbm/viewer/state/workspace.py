"""What a viewer shows: one object per viewer, with a signal for every change.

Docks and layers draw the workspace and change it; none of them calls another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal

from napari_crbm.io.writing.script import ASSIGN_REGIONS
from napari_crbm.model import Members
from napari_crbm.palette import DARK, Palette
from napari_crbm.viewer.state.history import History
from napari_crbm.viewer.state.label_store import LabelStore
from napari_crbm.viewer.state.region_view import RegionState, RegionView
from napari_crbm.viewer.state.trained import Trained

if TYPE_CHECKING:
    from napari_crbm.anatomy.meshes import PlacedAtlas
    from napari_crbm.model import CRBM
    from napari_crbm.recording import Recording
    from napari_crbm.regions import Regions
    from napari_crbm.viewer.state.colouring import Colouring


@dataclass(frozen=True, eq=False)
class Selection:
    """A copy of everything that is selected, for undo."""

    assemblies: tuple[int, ...]
    neuron: int | None
    neurons: NDArray[np.int64]
    regions: RegionState


class Workspace:
    """Recording, model and selection of one viewer.

    Every change emits one of the signals below, afterwards. ``regions_changed``: of the same
    recording; ``forming_changed``: weights of a running training; ``neurons_changed``: a selected
    group. `region_view` and `labels` have signals of their own.
    """

    recording_changed = Signal()
    regions_changed = Signal()
    trained_changed = Signal()
    forming_changed = Signal()
    assembly_changed = Signal()
    threshold_changed = Signal()
    neuron_changed = Signal()
    neurons_changed = Signal()
    frame_changed = Signal()
    colouring_changed = Signal()
    palette_changed = Signal()
    history_changed = Signal()

    def __init__(self) -> None:
        #: File of the model that is shown; None if it has not been saved.
        self.model_path: Path | None = None
        self.region_view = RegionView()
        self.labels = LabelStore()
        self._history: History[Selection] = History()
        self._neurons: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._threshold = 0.0
        self._colouring: Colouring | None = None
        self._palette = DARK
        self._recording: Recording | None = None
        self._placed: PlacedAtlas | None = None
        self._trained: Trained | None = None
        self._forming: NDArray[np.float32] | None = None
        self._assembly: int | None = None
        self._assemblies: tuple[int, ...] = ()
        self._neuron: int | None = None
        self._frame: int | None = None

    @property
    def recording(self) -> Recording | None:
        """The open recording."""
        return self._recording

    def open(self, recording: Recording) -> None:
        """Show another recording, without a model."""
        self._recording, self._placed = recording, None
        self._trained = self._forming = None
        self._assembly = self._neuron = self._frame = None
        self._assemblies = ()
        self._neurons = np.empty(0, dtype=np.int64)
        self._colouring = None
        self.region_view.reset(recording.regions)
        self.labels.reset()
        self._clear_history()
        self.recording_changed.emit()
        self.trained_changed.emit()
        self.assembly_changed.emit()
        self.neuron_changed.emit()
        self.neurons_changed.emit()
        self.frame_changed.emit()
        self.colouring_changed.emit()

    def assign_regions(
        self,
        regions: Regions,
        placed: PlacedAtlas | None = None,
        how: Mapping[str, Any] | None = None,
    ) -> None:
        """Replace the regions of the open recording; model and selection stay.

        Parameters
        ----------
        regions : Regions
        placed : PlacedAtlas, optional
            The atlas they come from, for the surfaces of regions.
        how : mapping, optional
            How they were assigned, for the provenance; see `napari_crbm.io.writing.script`.
        """
        if self._recording is None:
            return
        self._recording = replace(self._recording, regions=regions).with_step(
            ASSIGN_REGIONS, regions=len(regions.names), **(how or {})
        )
        self._placed = placed
        self.region_view.reset(regions)
        self._clear_history()
        self.regions_changed.emit()

    @property
    def placed(self) -> PlacedAtlas | None:
        """The atlas from which regions were assigned; None without one."""
        return self._placed

    def update_table(self, trained: Trained) -> None:
        """Replace the table and members of the shown model; the selection does not change."""
        shown = self._trained
        if shown is not None and shown.model.weights_ is trained.model.weights_:
            self._trained = trained
            self.trained_changed.emit()

    @property
    def trained(self) -> Trained | None:
        """The model that is shown, with its activity and table."""
        return self._trained

    def show_model(self, trained: Trained, path: Path | None = None) -> None:
        """Show a trained model, saved in ``path`` if given.

        The selection made during its `preview` stays; otherwise the assembly with the largest
        total weight is selected.
        """
        previewed = self._forming is trained.model.weights_
        self.labels.show(trained.model)
        self._trained = trained
        self.model_path = path
        self._forming = None
        self._clear_history()
        if previewed and self._assemblies:
            self.trained_changed.emit()
            return
        self._assembly = None
        self._assemblies = ()
        self.trained_changed.emit()
        size = trained.table["size"] * trained.table["mean_abs_weight"].fillna(0)
        self.choose_assembly(int(size.to_numpy().argmax()))

    def preview(self, model: CRBM, assembly: int) -> None:
        """Show one assembly of a model while its activity is being computed."""
        if self._recording is None or self._recording.n_neurons != model.n_neurons:
            return
        self.choose_assembly(None)
        self._trained = None
        self.trained_changed.emit()
        self.show_forming(model.weights_)
        self.choose_assembly(assembly)

    def end_preview(self, model: CRBM) -> None:
        """End the `preview` of a model."""
        if self._forming is model.weights_:
            self.choose_assembly(None)
            self.show_forming(None)

    @property
    def weights(self) -> NDArray[np.float32] | None:
        """Weights (N, M) that are shown: of the running training, else of the model."""
        if self._forming is not None:
            return self._forming
        return None if self._trained is None else self._trained.model.weights_

    @property
    def n_assemblies(self) -> int:
        """Number of assemblies that can be selected."""
        shown = [] if self._forming is None else [self._forming.shape[1]]
        # During a training the table is still that of the previous model.
        shown += [] if self._trained is None else [self._trained.model.n_assemblies]
        return min(shown, default=0)

    @property
    def forming(self) -> bool:
        """Whether the weights shown belong to a running training or a `preview`."""
        return self._forming is not None

    def show_forming(self, weights: NDArray[np.float32] | None) -> None:
        """Show the weights of a running training; None ends this."""
        self._forming = weights if weights is not None and weights.shape[1] else None
        self.forming_changed.emit()

    @property
    def assembly(self) -> int | None:
        """The selected assembly; the last one if several are selected."""
        return self._assembly

    @property
    def assemblies(self) -> tuple[int, ...]:
        """All selected assemblies, in the order of selection."""
        return self._assemblies

    def choose_assembly(self, assembly: int | None) -> None:
        """Select one assembly, or none."""
        self.choose_assemblies(() if assembly is None else (assembly,))

    def choose_assemblies(self, assemblies: Sequence[int]) -> None:
        """Select several assemblies; numbers out of range are ignored altogether."""
        chosen = tuple(dict.fromkeys(int(assembly) for assembly in assemblies))
        if not all(0 <= assembly < self.n_assemblies for assembly in chosen):
            return
        if chosen != self._assemblies:
            self._store_selection()
            self._assemblies = chosen
            self._assembly = chosen[-1] if chosen else None
            self.assembly_changed.emit()

    def step_assembly(self, step: int) -> None:
        """Select the assembly ``step`` numbers further, modulo their number."""
        if self.n_assemblies:
            now = -min(step, 1) if self._assembly is None else self._assembly
            self.choose_assembly((now + step) % self.n_assemblies)

    @property
    def neuron(self) -> int | None:
        """The selected neuron."""
        return self._neuron

    def choose_neuron(self, neuron: int | None) -> None:
        """Select a neuron, or none."""
        if neuron != self._neuron:
            self._store_selection()
            self._neuron = neuron
            self.neuron_changed.emit()

    @property
    def neurons(self) -> NDArray[np.int64]:
        """The selected group of neurons, ascending; empty without one."""
        return self._neurons

    def choose_neurons(self, neurons: NDArray[np.integer] | Sequence[int]) -> None:
        """Select a group of neurons, as with the lasso; an empty one clears it."""
        chosen = np.unique(np.asarray(neurons, dtype=np.int64))
        if not np.array_equal(chosen, self._neurons):
            self._store_selection()
            self._neurons = chosen
            self.neurons_changed.emit()

    @property
    def threshold(self) -> float:
        """Fraction of the largest ``|w|`` of an assembly above which members are shown."""
        return self._threshold

    def set_threshold(self, fraction: float) -> None:
        """Set the fraction of the largest ``|w|`` above which members are shown."""
        if fraction != self._threshold:
            self._threshold = float(fraction)
            self.threshold_changed.emit()

    def shown_members(self, assembly: int) -> NDArray[np.int64]:
        """Return the members of an assembly that are shown, strongest last.

        During training, and in the preview of a model, these are members by weight.
        """
        assert self.weights is not None
        column = self.weights[:, assembly]
        if self.trained is None or self._forming is not None:
            inside = Members.by_weight(column[:, None]).of(0)
        else:
            inside = self.trained.members.of(assembly)
        size = np.abs(column)
        inside = inside[size[inside] >= self._threshold * size.max()]
        allowed = self.region_view.shown_neurons
        if allowed is not None:
            inside = inside[allowed[inside]]
        return inside[np.argsort(size[inside], kind="stable")]

    @property
    def colouring(self) -> Colouring | None:
        """Colours of all neurons; None for plain grey."""
        return self._colouring

    def show_colouring(self, colouring: Colouring | None) -> None:
        """Colour all neurons; None draws them in plain grey."""
        if colouring is not self._colouring:
            self._colouring = colouring
            self.colouring_changed.emit()

    @property
    def palette(self) -> Palette:
        """Colours of data for the background of the canvas."""
        return self._palette

    def set_palette(self, palette: Palette) -> None:
        """Draw on another background; neurons are coloured again by the same values."""
        if palette is self._palette:
            return
        self._palette = palette
        self.palette_changed.emit()
        if self._colouring is not None and self._colouring.on is not None:
            self.show_colouring(self._colouring.on(palette))

    def _selection(self) -> Selection:
        return Selection(self._assemblies, self._neuron, self._neurons, self.region_view.state())

    def _store_selection(self) -> None:
        self._history.record(self._selection())
        self.history_changed.emit()

    def _clear_history(self) -> None:
        self._history.clear()
        self.history_changed.emit()

    def remember_regions(self) -> None:
        """Store the selection before `region_view` changes, so that undo restores it."""
        self._store_selection()

    @property
    def can_undo(self) -> bool:
        """Whether there is a previous selection."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether an undone selection can be restored."""
        return self._history.can_redo

    def undo(self) -> None:
        """Restore the previous selection of assemblies, neurons and regions."""
        self._restore(self._history.undo(self._selection()))

    def redo(self) -> None:
        """Restore the selection that was undone."""
        self._restore(self._history.redo(self._selection()))

    def _restore(self, selection: Selection | None) -> None:
        if selection is None:
            return
        changed = (
            (selection.assemblies != self._assemblies, self.assembly_changed),
            (selection.neuron != self._neuron, self.neuron_changed),
            (not np.array_equal(selection.neurons, self._neurons), self.neurons_changed),
        )
        self._assemblies, self._neuron = selection.assemblies, selection.neuron
        self._assembly = self._assemblies[-1] if self._assemblies else None
        self._neurons = selection.neurons
        for differs, signal in changed:
            if differs:
                signal.emit()
        self.region_view.restore(selection.regions)
        self.history_changed.emit()

    @property
    def frame(self) -> int | None:
        """The frame whose active neurons are shown on the canvas; None without one."""
        return self._frame

    def choose_frame(self, frame: int | None) -> None:
        """Show the active neurons of a frame, clipped to the recording; None hides them."""
        if self._recording is None:
            frame = None
        if frame is not None and self._recording is not None:
            frame = int(np.clip(frame, 0, self._recording.n_frames - 1))
        if frame != self._frame:
            self._frame = frame
            self.frame_changed.emit()


_workspaces: WeakKeyDictionary[Any, Workspace] = WeakKeyDictionary()


def workspace_of(viewer: Any) -> Workspace:
    """Return the workspace of a viewer, created at the first call and deleted with it."""
    # Docks get a proxy of the viewer; both have the same layer list.
    layers = getattr(viewer.layers, "__wrapped__", viewer.layers)
    key = layers.events
    if key not in _workspaces:
        _workspaces[key] = Workspace()
    return _workspaces[key]
