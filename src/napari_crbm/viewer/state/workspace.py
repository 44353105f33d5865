"""What a viewer is looking at: one evented object a viewer, without Qt or napari.

Widgets and layers render it and call it; none of them looks up another.
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

from napari_crbm.analysis import MEMBERSHIP_FRACTION
from napari_crbm.io.writing.script import ASSIGN_REGIONS
from napari_crbm.palette import DARK, Palette
from napari_crbm.viewer.state.history import History
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
    """What was chosen at one moment, to go back to."""

    assemblies: tuple[int, ...]
    neuron: int | None
    neurons: NDArray[np.int64]
    regions: RegionState


class Workspace:
    """Recording, model and selection of one viewer.

    Every change is announced once, after it has happened: ``recording_changed``,
    ``regions_changed`` (of the same recording), ``trained_changed``,
    ``forming_changed`` (weights of a running training), ``assembly_changed``,
    ``threshold_changed``, ``neuron_changed``, ``neurons_changed`` (a chosen group),
    ``frame_changed``, ``colouring_changed``, ``palette_changed`` and
    ``history_changed``; `region_view` has a signal of its own.
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
        #: File of the model that is shown, if it is in one.
        self.model_path: Path | None = None
        self.region_view = RegionView()
        self._history: History[Selection] = History()
        self._neurons: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self._threshold = MEMBERSHIP_FRACTION
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
        """Look at another recording; the model of the previous one is put away."""
        self._recording, self._placed = recording, None
        self._trained = self._forming = None
        self._assembly = self._neuron = self._frame = None
        self._assemblies = ()
        self._neurons = np.empty(0, dtype=np.int64)
        self._colouring = None
        self.region_view.reset(recording.regions)
        self._forget()
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
        """Give the open recording other regions; model and selection stay.

        Parameters
        ----------
        regions : Regions
        placed : PlacedAtlas, optional
            The atlas they come from, for the bodies of regions.
        how : mapping, optional
            Where they come from, for the provenance; see `napari_crbm.io.writing.script`.
        """
        if self._recording is None:
            return
        self._recording = replace(self._recording, regions=regions).with_step(
            ASSIGN_REGIONS, regions=len(regions.names), **(how or {})
        )
        self._placed = placed
        self.region_view.reset(regions)
        self._forget()
        self.regions_changed.emit()

    @property
    def placed(self) -> PlacedAtlas | None:
        """The atlas that the regions of the recording were assigned from, if they were."""
        return self._placed

    def update_table(self, trained: Trained) -> None:
        """Show the same model with another table."""
        if self._trained is not None and self._trained.model is trained.model:
            self._trained = trained
            self.trained_changed.emit()

    @property
    def trained(self) -> Trained | None:
        """The model with its activity and table."""
        return self._trained

    def show_model(self, trained: Trained, path: Path | None = None) -> None:
        """Look at a trained model (of a file).

        What was chosen in its `preview` stays, else its most active assembly is chosen.
        """
        previewed = self._forming is trained.model.weights_
        self._trained = trained
        self.model_path = path
        self._forming = None
        self._forget()
        if previewed and self._assemblies:
            self.trained_changed.emit()
            return
        self._assembly = None
        self._assemblies = ()
        self.trained_changed.emit()
        size = trained.table["size"] * trained.table["mean_abs_weight"].fillna(0)
        self.choose_assembly(int(size.to_numpy().argmax()))

    def preview(self, model: CRBM, assembly: int) -> None:
        """Show one assembly of a model of this recording whose activity is being computed."""
        if self._recording is None or self._recording.n_neurons != model.n_neurons:
            return
        self.choose_assembly(None)
        self._trained = None
        self.trained_changed.emit()
        self.show_forming(model.weights_)
        self.choose_assembly(assembly)

    def end_preview(self, model: CRBM) -> None:
        """Show no longer what `preview` showed."""
        if self._forming is model.weights_:
            self.choose_assembly(None)
            self.show_forming(None)

    @property
    def weights(self) -> NDArray[np.float32] | None:
        """Weights (N, M) to show: those of the running training, else of the model."""
        if self._forming is not None:
            return self._forming
        return None if self._trained is None else self._trained.model.weights_

    @property
    def n_assemblies(self) -> int:
        """How many assemblies can be chosen."""
        shown = [] if self._forming is None else [self._forming.shape[1]]
        # While another model forms, the table is still that of the last one.
        shown += [] if self._trained is None else [self._trained.model.n_assemblies]
        return min(shown, default=0)

    @property
    def forming(self) -> bool:
        """Whether the weights shown are those of a training, or of a model just opened."""
        return self._forming is not None

    def show_forming(self, weights: NDArray[np.float32] | None) -> None:
        """Show the weights of a running training, or no longer (None)."""
        self._forming = weights if weights is not None and weights.shape[1] else None
        self.forming_changed.emit()

    @property
    def assembly(self) -> int | None:
        """The chosen assembly."""
        return self._assembly

    @property
    def assemblies(self) -> tuple[int, ...]:
        """All assemblies that are shown together; the chosen one is the last."""
        return self._assemblies

    def choose_assembly(self, assembly: int | None) -> None:
        """Choose an assembly alone, or none."""
        self.choose_assemblies(() if assembly is None else (assembly,))

    def choose_assemblies(self, assemblies: Sequence[int]) -> None:
        """Choose several assemblies, to be shown together; the last one is the chosen one."""
        chosen = tuple(dict.fromkeys(int(assembly) for assembly in assemblies))
        if not all(0 <= assembly < self.n_assemblies for assembly in chosen):
            return
        if chosen != self._assemblies:
            self._remember()
            self._assemblies = chosen
            self._assembly = chosen[-1] if chosen else None
            self.assembly_changed.emit()

    def step_assembly(self, step: int) -> None:
        """Choose the assembly so many numbers further, round about."""
        if self.n_assemblies:
            now = -min(step, 1) if self._assembly is None else self._assembly
            self.choose_assembly((now + step) % self.n_assemblies)

    @property
    def neuron(self) -> int | None:
        """The chosen neuron."""
        return self._neuron

    def choose_neuron(self, neuron: int | None) -> None:
        """Choose a neuron, or none."""
        if neuron != self._neuron:
            self._remember()
            self._neuron = neuron
            self.neuron_changed.emit()

    @property
    def neurons(self) -> NDArray[np.int64]:
        """The chosen group of neurons, ascending; empty if none is."""
        return self._neurons

    def choose_neurons(self, neurons: NDArray[np.integer] | Sequence[int]) -> None:
        """Choose a group of neurons, as with a lasso; none with an empty one."""
        chosen = np.unique(np.asarray(neurons, dtype=np.int64))
        if not np.array_equal(chosen, self._neurons):
            self._remember()
            self._neurons = chosen
            self.neurons_changed.emit()

    @property
    def threshold(self) -> float:
        """Members are shown whose ``|w|`` exceeds this fraction of the assembly's largest."""
        return self._threshold

    def set_threshold(self, fraction: float) -> None:
        """Show fewer or more members of assemblies."""
        if fraction != self._threshold:
            self._threshold = float(fraction)
            self.threshold_changed.emit()

    def shown_members(self, column: NDArray[np.floating]) -> NDArray[np.int64]:
        """Neurons of one assembly that are shown, from its weights (N,); strongest last."""
        size = np.abs(column)
        inside = np.flatnonzero(size > self._threshold * size.max(initial=0.0))
        allowed = self.region_view.shown_neurons
        if allowed is not None:
            inside = inside[allowed[inside]]
        return inside[np.argsort(size[inside], kind="stable")]

    @property
    def colouring(self) -> Colouring | None:
        """How the neurons of the whole brain are coloured; None for plain."""
        return self._colouring

    def show_colouring(self, colouring: Colouring | None) -> None:
        """Colour the neurons of the whole brain, or draw them plainly again."""
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

    # --- going back -----------------------------------------------------------------------

    def _selection(self) -> Selection:
        return Selection(self._assemblies, self._neuron, self._neurons, self.region_view.state())

    def _remember(self) -> None:
        self._history.record(self._selection())
        self.history_changed.emit()

    def _forget(self) -> None:
        self._history.clear()
        self.history_changed.emit()

    def remember_regions(self) -> None:
        """Make the next change of `region_view` one that can be undone."""
        self._remember()

    @property
    def can_undo(self) -> bool:
        """Whether something was chosen before."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether an undone choice can be made again."""
        return self._history.can_redo

    def undo(self) -> None:
        """Go back to what was chosen before: assemblies, neurons, how regions are shown."""
        self._restore(self._history.undo(self._selection()))

    def redo(self) -> None:
        """Choose again what was undone."""
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
        """The frame whose activity is shown in the brain, if any is."""
        return self._frame

    def choose_frame(self, frame: int | None) -> None:
        """Show the activity of a frame, the first or last one if it lies outside; or none."""
        if self._recording is None:
            frame = None
        if frame is not None and self._recording is not None:
            frame = int(np.clip(frame, 0, self._recording.n_frames - 1))
        if frame != self._frame:
            self._frame = frame
            self.frame_changed.emit()


_workspaces: WeakKeyDictionary[Any, Workspace] = WeakKeyDictionary()


def workspace_of(viewer: Any) -> Workspace:
    """The workspace of a viewer; made when it is first asked for, gone with the viewer."""
    # Dock widgets are handed a proxy of the viewer; its layer list is one object for both.
    layers = getattr(viewer.layers, "__wrapped__", viewer.layers)
    key = layers.events
    if key not in _workspaces:
        _workspaces[key] = Workspace()
    return _workspaces[key]
