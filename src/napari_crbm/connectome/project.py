"""A project: the region maps of any number of animals and models in one file.

The file is of kind "project". Each animal has a group under ``/animals`` with the number of
frames and one group per model with its map, so that animals can be compared without their
recordings. To add a map, a new file is written beside the old one and renamed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import h5py
import numpy as np

from napari_crbm.connectome.means import mean_over_models
from napari_crbm.connectome.regionmap import RegionMap
from napari_crbm.errors import FormatError
from napari_crbm.io.reading import hdf5

_USUAL = ("coupling", "mean_abs")
_OPTIONAL = ("low", "high", "expected", "p_value", "centres_um", "relocated")


@dataclass(frozen=True, eq=False)
class Animal:
    """One recording and the maps of the models trained on it.

    Parameters
    ----------
    name : str
    n_frames : int
    fingerprint : str
        Fingerprint of the recorded spikes.
    maps : dict of str to RegionMap
        By name of the model.
    """

    name: str
    n_frames: int
    fingerprint: str
    maps: dict[str, RegionMap] = field(default_factory=dict)

    @property
    def mean(self) -> RegionMap:
        """Mean over the models."""
        return mean_over_models(list(self.maps.values()))


def kinds(animals: dict[str, Animal]) -> list[tuple[str, str]]:
    """List measures and rules of the maps in a project, such as ("coupling", "mean_abs")."""
    found = [(m.measure, m.rule) for animal in animals.values() for m in animal.maps.values()]
    return list(dict.fromkeys(found))


def of_kind(animals: dict[str, Animal], measure: str, rule: str) -> dict[str, Animal]:
    """Return the animals with their maps of one kind; animals without such a map are left out."""
    chosen = {}
    for name, animal in animals.items():
        maps = {k: m for k, m in animal.maps.items() if (m.measure, m.rule) == (measure, rule)}
        if maps:
            chosen[name] = replace(animal, maps=maps)
    return chosen


def load_project(path: str | Path) -> dict[str, Animal]:
    """Read all animals of a project, by name.

    Raises
    ------
    FormatError
        If the file is not a project, or is incomplete.
    """
    with hdf5.reading(path) as file:
        hdf5.require_kind(file, "project")
        try:
            return {
                name: Animal(
                    name,
                    int(group.attrs["n_frames"]),
                    str(group.attrs["fingerprint"]),
                    {key: _read_map(part) for key, part in group["models"].items()},
                )
                for name, group in file["animals"].items()
            }
        except (KeyError, AttributeError) as error:
            raise FormatError(f"The project {Path(path).name} is incomplete: {error}.") from error


def save_project(animals: dict[str, Animal], path: str | Path) -> Path:
    """Write a project and return its path."""
    path = Path(path)
    with hdf5.writing(path, "project") as file:
        parent = file.create_group("animals")
        for name, animal in animals.items():
            group = parent.create_group(name)
            group.attrs["n_frames"] = animal.n_frames
            group.attrs["fingerprint"] = animal.fingerprint
            models = group.create_group("models")
            for key, region_map in animal.maps.items():
                _write_map(models.create_group(key), region_map)
    return path


def add_to_project(
    path: str | Path,
    animal: str,
    model: str,
    region_map: RegionMap,
    *,
    n_frames: int,
    fingerprint: str,
) -> Path:
    """Add a model's map to a project, which is made if it does not exist.

    Raises
    ------
    FormatError
        If another recording has the animal's name already.
    """
    path = Path(path)
    animals = load_project(path) if path.exists() else {}
    name, key = animal.replace("/", "-"), model.replace("/", "-")
    if (region_map.measure, region_map.rule) != _USUAL:
        # A separate key, so that the model's usual map is kept.
        key = f"{key} ({region_map.measure}, {region_map.rule})"
    known = animals.setdefault(name, Animal(name, n_frames, fingerprint))
    if known.fingerprint != fingerprint:
        raise FormatError(
            f"{path.name} has an animal '{name}' with another recording already: give this one "
            "another name."
        )
    known.maps[key] = region_map
    return save_project(animals, path)


def _write_map(group: h5py.Group, region_map: RegionMap) -> None:
    group.create_dataset("names", data=list(region_map.names), dtype=h5py.string_dtype())
    group.create_dataset("left_out", data=list(region_map.left_out), dtype=h5py.string_dtype())
    group["values"] = region_map.values
    group["n_neurons"] = region_map.n_neurons
    group.attrs["measure"], group.attrs["rule"] = region_map.measure, region_map.rule
    for name in _OPTIONAL:
        matrix = getattr(region_map, name)
        if matrix is not None:
            group[name] = matrix


def _read_map(group: h5py.Group) -> RegionMap:
    optional = {name: np.asarray(group[name][()]) for name in _OPTIONAL if name in group}
    return RegionMap(
        names=hdf5.strings(hdf5.require(group, "names", 1)),
        values=np.asarray(hdf5.require(group, "values", 2)[()]),
        n_neurons=np.asarray(hdf5.require(group, "n_neurons", 1)[()]),
        measure=str(group.attrs.get("measure", "coupling")),
        rule=str(group.attrs.get("rule", "mean_abs")),
        left_out=hdf5.strings(hdf5.require(group, "left_out", 1)),
        **optional,
    )
