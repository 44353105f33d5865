"""Ground truth of a simulated recording, stored in its file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, RecordingError

_GROUP = "truth"


@dataclass(frozen=True, eq=False)
class GroundTruth:
    """K planted assemblies of N neurons over T frames.

    Parameters
    ----------
    weights : (N, K) float32
        Signed strength; zero outside the assembly, negative for suppressed members.
        Its meaning depends on the generator: for "noisy-or" the probability that the
        assembly alone makes a neuron fire (or silences it), for "crbm" the weight.
    activity : (T, K) float32
        Latent activity: 0 or 1 for "noisy-or", E[h | v] for "crbm".
    names : tuple of str
        Location of each assembly; names are unique.
    generator : str
    parameters : mapping
        All other parameters of the generator: numbers, strings or arrays.
    """

    weights: NDArray[np.float32]
    activity: NDArray[np.float32]
    names: tuple[str, ...]
    generator: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n_assemblies = len(self.names)
        if self.weights.shape[1:] != (n_assemblies,) or self.activity.shape[1:] != (n_assemblies,):
            raise RecordingError(
                f"The truth names {n_assemblies} assemblies, but its weights have shape "
                f"{self.weights.shape} and its activity {self.activity.shape}."
            )

    @property
    def membership(self) -> NDArray[np.bool_]:
        """Members of each assembly, suppressed ones included, (N, K)."""
        return np.asarray(self.weights != 0)

    @property
    def n_assemblies(self) -> int:
        """Number of planted assemblies K."""
        return len(self.names)

    def __repr__(self) -> str:
        sizes = self.membership.sum(axis=0)
        return (
            f"GroundTruth({self.n_assemblies} assemblies of {sizes.min()} to {sizes.max()} "
            f"of {len(self.weights):,} neurons, generator '{self.generator}')"
        )


def save_truth(truth: GroundTruth, path: str | Path) -> None:
    """Write the truth to ``/truth`` of an existing recording file."""
    with h5py.File(path, "r+") as file:
        write_truth(truth, file)


def write_truth(truth: GroundTruth, file: h5py.File) -> None:
    """Write the truth into an open HDF5 file, replacing one already there."""
    if _GROUP in file:
        del file[_GROUP]
    group = file.create_group(_GROUP)
    neurons, assemblies = np.nonzero(truth.weights)
    # Members only: a dense matrix of 44,055 x 200 would be 35 MB of zeros.
    group.create_dataset("member_neuron", data=neurons.astype(np.int32))
    group.create_dataset("member_assembly", data=assemblies.astype(np.int32))
    group.create_dataset("member_weight", data=truth.weights[neurons, assemblies])
    group.create_dataset("activity", data=truth.activity, compression="gzip", shuffle=True)
    group.create_dataset("names", data=list(truth.names), dtype=h5py.string_dtype())
    group.attrs["generator"] = truth.generator
    group.attrs["n_neurons"] = truth.weights.shape[0]
    parameters = group.create_group("parameters")
    for name, value in truth.parameters.items():
        if isinstance(value, np.ndarray):
            parameters.create_dataset(name, data=value)
        else:
            parameters.attrs[name] = value


def load_truth(path: str | Path) -> GroundTruth | None:
    """Read the truth saved with a simulated recording.

    Returns
    -------
    GroundTruth or None
        None if the file holds no truth, as for any measured recording.

    Raises
    ------
    FormatError
        If the file is not HDF5, or its truth is incomplete.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise FormatError(f"{path} cannot be read as an HDF5 file: {error}.") from error
    with file:
        if _GROUP not in file:
            return None
        group = file[_GROUP]
        try:
            names = tuple(group["names"].asstr()[()])
            weights = np.zeros((int(group.attrs["n_neurons"]), len(names)), dtype=np.float32)
            weights[group["member_neuron"][()], group["member_assembly"][()]] = group[
                "member_weight"
            ][()]
            parameters = {name: data[()] for name, data in group["parameters"].items()}
            parameters |= {
                name: value.item() if isinstance(value, np.generic) else value
                for name, value in group["parameters"].attrs.items()
            }
            return GroundTruth(
                weights=weights,
                activity=np.asarray(group["activity"][()], dtype=np.float32),
                names=names,
                generator=str(group.attrs["generator"]),
                parameters=parameters,
            )
        except (KeyError, IndexError, AttributeError) as error:
            raise FormatError(f"The truth in {path} is incomplete: {error}.") from error
