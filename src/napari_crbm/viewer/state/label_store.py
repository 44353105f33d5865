"""Labels of the shown assemblies and groups of neurons of one viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_crbm.labels import Label, Labels, NeuronGroup

if TYPE_CHECKING:
    from napari_crbm.model import CRBM


class LabelStore:
    """Labels that docks show and change; the shown model carries them.

    Emits ``changed`` after every change, and ``edited`` when a person made it.
    """

    changed = Signal()
    edited = Signal()

    def __init__(self) -> None:
        self._labels = Labels()
        self._model: CRBM | None = None

    @property
    def labels(self) -> Labels:
        """All labels."""
        return self._labels

    def reset(self) -> None:
        """Forget all labels: another recording was opened."""
        self._model = None
        self._take(Labels())

    def show(self, model: CRBM) -> None:
        """Show the labels of a model; groups of the same recording stay, and are given to it."""
        if model is self._model:
            return
        self._model = model
        own = model.labels_
        model.labels_ = Labels(own.assemblies, {**self._labels.groups, **own.groups})
        self._take(model.labels_)

    def set_label(self, assembly: int, label: Label) -> None:
        """Label an assembly."""
        if label != self._labels.of(assembly):
            self._edit(self._labels.with_assembly(assembly, label))

    def add_group(self, group: NeuronGroup) -> None:
        """Add a group of neurons, or replace the one of the same name."""
        self._edit(self._labels.with_group(group))

    def remove_group(self, name: str) -> None:
        """Remove a group of neurons."""
        self._edit(self._labels.without_group(name))

    def put(self, labels: Labels) -> None:
        """Replace all labels, such as by those that were kept."""
        if self._model is not None:
            self._model.labels_ = labels
        self._take(labels)

    def _edit(self, labels: Labels) -> None:
        self.put(labels)
        self.edited.emit()

    def _take(self, labels: Labels) -> None:
        self._labels = labels
        self.changed.emit()
