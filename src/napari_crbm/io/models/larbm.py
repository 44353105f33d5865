"""Models of BrainRBMjulia (LaRBM): group ``brainRBM`` of the HDF5 file it writes.

Julia counts down columns, so arrays appear here with their axes reversed: ``weights``
(M, N), parameters of the visible layer (N, 1), of the hidden layer (M, 4) as theta,
gamma, Delta, xi of its "xReLU" units (or (M, 2) of Gaussian ones). A standardised model
couples (v - offset) / scale of both layers, which is the same as other fields and slopes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, ModelError
from napari_crbm.io.reading import hdf5
from napari_crbm.model import CRBM, DReLU

_GROUP = "brainRBM/RBM"


def can_read(file: h5py.File) -> bool:
    """Return whether the open file has a group ``brainRBM``."""
    return isinstance(file.get(_GROUP), h5py.Group)


def read(file: h5py.File, path: Path) -> CRBM:
    """Read the model.

    Raises
    ------
    FormatError
        If a part is missing.
    ModelError
        If its layers are of other kinds, or parameters do not fit.
    """
    group = file[_GROUP]
    weights = _numbers(group, "weights", 2).T
    n_neurons, n_hidden = weights.shape
    visible = _layer(group, "VisibleLayer", ("Binary",), n_neurons, path)
    hidden = _layer(group, "HiddenLayer", ("xReLU", "dReLU", "Gaussian"), n_hidden, path)
    fields, units = visible[1][:, 0], _units(*hidden, path)
    if "Standardization" in group:
        parts = group["Standardization"]
        offset_v, scale_v = (_one_each(parts, name, n_neurons) for name in ("offset_v", "scale_v"))
        offset_h, scale_h = (_one_each(parts, name, n_hidden) for name in ("offset_h", "scale_h"))
        weights = weights / scale_v[:, None] / scale_h[None, :]
        fields = fields - weights @ offset_h
        shift = offset_v @ weights
        # A slope against h adds where h > 0 and subtracts in |h| where h < 0.
        units = units._replace(
            theta_plus=units.theta_plus + shift, theta_minus=units.theta_minus - shift
        )
    try:
        return CRBM.from_parameters(
            np.ascontiguousarray(weights, dtype=np.float32),
            fields.astype(np.float32),
            units,
            versions={"read from": path.name, "written by": "BrainRBMjulia"},
        )
    except ModelError as error:
        raise ModelError(f"{path.name}: {error}") from error


def _layer(
    group: h5py.Group, name: str, known: tuple[str, ...], length: int, path: Path
) -> tuple[str, NDArray[np.float64]]:
    """Return the type of a layer and its parameters, (units, parameters)."""
    layer = group.get(name)
    if not isinstance(layer, h5py.Group):
        raise FormatError(f"{path.name} lacks the group '{group.name}/{name}'.")
    kind = layer.attrs.get("type", "")
    kind = kind.decode(errors="replace") if isinstance(kind, bytes) else str(kind)
    found = next((each for each in known if each in kind), None)
    if found is None:
        raise ModelError(
            f"{path.name}: the {name} is of the kind '{kind}'; {' or '.join(known)} can be read."
        )
    parameters = _numbers(layer, "params", 2)
    if len(parameters) != length:
        raise ModelError(
            f"{path.name}: the {name} has {len(parameters):,} units, the weights are for "
            f"{length:,}."
        )
    return found, parameters


def _units(kind: str, parameters: NDArray[np.float64], path: Path) -> DReLU:
    """Convert potentials to this program's convention, whose slopes have the other sign."""
    wanted = 2 if kind == "Gaussian" else 4
    if parameters.shape[1] != wanted:
        raise ModelError(
            f"{path.name}: {kind} units have {wanted} parameters; found {parameters.shape[1]}."
        )
    if kind == "Gaussian":
        theta, gamma = parameters.T
        above = below = theta
        gamma_plus = gamma_minus = gamma
    elif kind == "dReLU":
        above, below, gamma_plus, gamma_minus = parameters.T
    else:
        theta, gamma, delta, xi = parameters.T
        # xi in all numbers stands for eta = xi / (1 + |xi|) between -1 and 1.
        eta = xi / (1 + np.abs(xi))
        gamma_plus, gamma_minus = gamma / (1 + eta), gamma / (1 - eta)
        above, below = theta + delta / (1 + eta), theta - delta / (1 - eta)
    return DReLU(np.abs(gamma_plus), np.abs(gamma_minus), -above, below.copy())


def _one_each(group: Any, name: str, length: int) -> NDArray[np.float64]:
    values = hdf5.require(group, name)[()].astype(np.float64).ravel()
    if len(values) != length:
        raise ModelError(
            f"'{group.name}/{name}' must hold {length:,} numbers; found {len(values)}."
        )
    return np.asarray(values)


def _numbers(group: h5py.Group, name: str, ndim: int) -> NDArray[np.float64]:
    stored = hdf5.require(group, name, ndim)
    if stored.dtype.kind not in "iuf":
        raise FormatError(f"'{stored.name}' must hold numbers; found {stored.dtype}.")
    return np.asarray(stored[()], dtype=np.float64)
