"""Names, stars, tags, notes and colours that a person gives to assemblies and to neurons."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import LabelError

_COLOUR = re.compile(r"#[0-9a-f]{6}")


@dataclass(frozen=True)
class Label:
    """What a person noted of an assembly or a group of neurons.

    Parameters
    ----------
    name : str
    starred : bool
    tags : tuple of str
        Without commas, which separate tags in tables.
    note : str
    colour : str
        ``"#rrggbb"``; empty for the colour of the palette.

    Raises
    ------
    LabelError
        If the colour is of another form, or a tag holds a comma.
    """

    name: str = ""
    starred: bool = False
    tags: tuple[str, ...] = ()
    note: str = ""
    colour: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", " ".join(self.name.split()))
        object.__setattr__(self, "colour", self.colour.strip().lower())
        tags = dict.fromkeys(" ".join(tag.split()) for tag in self.tags)
        object.__setattr__(self, "tags", tuple(tag for tag in tags if tag))
        if self.colour and not _COLOUR.fullmatch(self.colour):
            raise LabelError(
                f"A colour is written as '#rrggbb', such as '#e69f00'; found '{self.colour}'."
            )
        if any("," in tag for tag in self.tags):
            raise LabelError(f"A tag holds no comma; found {', '.join(map(repr, self.tags))}.")

    def __bool__(self) -> bool:
        return self != Label()


@dataclass(frozen=True, eq=False)
class NeuronGroup:
    """A named group of neurons.

    Parameters
    ----------
    neurons : (K,) int64
        Ascending, without repetition.
    label : Label
        With a name.

    Raises
    ------
    LabelError
        If it holds no neuron, a negative number, or has no name.
    """

    neurons: NDArray[np.int64]
    label: Label

    def __post_init__(self) -> None:
        neurons = np.unique(np.asarray(self.neurons, dtype=np.int64))
        object.__setattr__(self, "neurons", neurons)
        if not self.label.name:
            raise LabelError("A group of neurons needs a name.")
        if not len(neurons) or neurons[0] < 0:
            raise LabelError(
                f"Group '{self.label.name}' needs at least one neuron, counted from 0; found "
                f"{len(neurons)} neurons{f', the first {neurons[0]}' if len(neurons) else ''}."
            )

    @property
    def name(self) -> str:
        """Its name."""
        return self.label.name


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels of assemblies by number, and groups of neurons by name; never changed in place.

    Parameters
    ----------
    assemblies : mapping of int to Label
    groups : mapping of str to NeuronGroup
    """

    assemblies: Mapping[int, Label] = field(default_factory=dict)
    groups: Mapping[str, NeuronGroup] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.assemblies or self.groups)

    def of(self, assembly: int) -> Label:
        """Return the label of an assembly, empty if it has none."""
        return self.assemblies.get(assembly, Label())

    def title(self, assembly: int) -> str:
        """Return "Assembly 3" or "Assembly 3, left tectum"."""
        name = self.of(assembly).name
        return f"Assembly {assembly}, {name}" if name else f"Assembly {assembly}"

    def with_assembly(self, assembly: int, label: Label) -> Labels:
        """Return labels in which an assembly has this label; an empty one removes it."""
        others = {k: each for k, each in self.assemblies.items() if k != assembly}
        if label:
            others[int(assembly)] = label
        return replace(self, assemblies=dict(sorted(others.items())))

    def with_group(self, group: NeuronGroup) -> Labels:
        """Return labels with a group; one of the same name is replaced."""
        return replace(self, groups={**self.groups, group.name: group})

    def without_group(self, name: str) -> Labels:
        """Return labels without the group of this name."""
        return replace(self, groups={k: each for k, each in self.groups.items() if k != name})

    def check(self, n_assemblies: int | None, n_neurons: int) -> None:
        """Check that the labels suit a model.

        Parameters
        ----------
        n_assemblies : int, optional
            Without a model, no assembly can be checked.
        n_neurons : int

        Raises
        ------
        LabelError
            If there is no assembly or neuron of a number.
        """
        beyond = [k for k in self.assemblies if k < 0 or (n_assemblies or k + 1) <= k]
        if beyond:
            raise LabelError(
                f"Assembly {beyond[0]} has a label, but the model has assemblies 0 to "
                f"{(n_assemblies or 1) - 1}."
            )
        for group in self.groups.values():
            if group.neurons[-1] >= n_neurons:
                raise LabelError(
                    f"Group '{group.name}' holds neuron {group.neurons[-1]}, but there are "
                    f"neurons 0 to {n_neurons - 1:,}."
                )

    def columns(self, assemblies: Sequence[int] | NDArray[np.integer]) -> dict[str, list[Any]]:
        """Return ``name, starred, tags, note, colour`` of assemblies, for a table."""
        found = [self.of(int(each)) for each in assemblies]
        return {
            "name": [each.name for each in found],
            "starred": [each.starred for each in found],
            "tags": [", ".join(each.tags) for each in found],
            "note": [each.note for each in found],
            "colour": [each.colour for each in found],
        }

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "assemblies": {str(k): asdict(each) for k, each in self.assemblies.items()},
            "groups": [
                {**asdict(each.label), "neurons": each.neurons.tolist()}
                for each in self.groups.values()
            ],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Labels:
        """Read the result of `as_dict`.

        Raises
        ------
        LabelError
            If it is of another form.
        """
        try:
            groups = [
                NeuronGroup(np.array(each["neurons"], dtype=np.int64), _label(each))
                for each in values.get("groups", [])
            ]
            assemblies = {
                int(k): _label(each) for k, each in dict(values.get("assemblies", {})).items()
            }
        except (TypeError, KeyError, ValueError, AttributeError, OverflowError) as error:
            raise LabelError(
                f"These are no labels of assemblies and groups of neurons ({error})."
            ) from error
        return cls(assemblies, {each.name: each for each in groups})


def _label(values: Mapping[str, Any]) -> Label:
    tags = values.get("tags", ())
    texts = [str(values.get(name, "")) for name in ("name", "note", "colour")]
    return Label(texts[0], bool(values.get("starred", False)), tuple(map(str, tags)), *texts[1:])


def tags_from(text: str) -> tuple[str, ...]:
    """Return the tags in a text, which commas separate."""
    return tuple(tag.strip() for tag in text.split(",") if tag.strip())
