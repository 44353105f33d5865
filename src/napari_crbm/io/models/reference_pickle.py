"""Models of the reference implementation: a Python pickle of its ``RBM`` object.

The object keeps ``weights`` (M, N), a visible layer with ``fields`` (N,) and a hidden
layer of double ReLUs, either as ``gamma_plus, gamma_minus, theta_plus, theta_minus`` or as
``gamma, theta, delta, eta`` (M,) (paper, Eq. 13 and Appendix). The pickle is read as data,
see `napari_crbm.io.safety.safe_pickle`; no code of the reference implementation is needed or run.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, ModelError
from napari_crbm.io.safety import safe_pickle
from napari_crbm.io.safety.safe_pickle import Opaque
from napari_crbm.model import CRBM, DReLU
from napari_crbm.model.units.drelu import Standardised

_SUFFIXES = (".data", ".pkl", ".pickle")
_HDF5_SIGNATURE = b"\x89HDF"


def can_read(path: Path) -> bool:
    """Return whether a file has the suffix of a pickle and is not HDF5."""
    if path.suffix.lower() not in _SUFFIXES or not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(4) != _HDF5_SIGNATURE


def read(path: Path) -> CRBM:
    """Read a pickled model.

    Raises
    ------
    FormatError
        If the file is damaged or holds something else.
    ModelError
        If parameters are missing, of the wrong shape or not finite, or the hidden units
        are no double ReLUs.
    """
    with path.open("rb") as file:
        content = safe_pickle.load(file, path.name)
    model = _object_with(content, "weights")
    if model is None:
        raise FormatError(
            f"{path.name} holds no model of the reference implementation: an object with "
            f"'weights', 'vlayer' and 'hlayer' is needed; found {_described(content)}."
        )
    layers = {name: model.attributes.get(name) for name in ("vlayer", "hlayer")}
    for name, layer in layers.items():
        if not isinstance(layer, Opaque):
            raise FormatError(f"{path.name}: the model lacks its '{name}'.")
    weights = _numbers(model, "weights", 2, path)
    fields = _numbers(layers["vlayer"], "fields", 1, path)
    if weights.shape[1] != len(fields):
        raise ModelError(
            f"{path.name}: 'weights' has shape {weights.shape}, but there are {len(fields):,} "
            "fields; (hidden units, neurons) is expected."
        )
    hidden = _hidden(layers["hlayer"], path)
    try:
        return CRBM.from_parameters(
            np.ascontiguousarray(weights.T, dtype=np.float32),
            fields.astype(np.float32),
            hidden,
            versions={"read from": path.name},
        )
    except ModelError as error:
        raise ModelError(f"{path.name}: {error}") from error


def _hidden(layer: Any, path: Path) -> DReLU:
    known = layer.attributes
    if all(name in known for name in DReLU._fields):
        return DReLU(*(_numbers(layer, name, 1, path) for name in DReLU._fields))
    if all(name in known for name in Standardised._fields):
        return Standardised(
            *(_numbers(layer, name, 1, path) for name in Standardised._fields)
        ).units()
    raise ModelError(
        f"{path.name}: the hidden layer ({layer.name}) has none of the parameters of double ReLU "
        f"units ({', '.join(DReLU._fields)}); found {', '.join(sorted(known)[:8]) or 'nothing'}."
    )


def _object_with(content: Any, attribute: str) -> Opaque | None:
    """Find the model, which some scripts save within a list, tuple or dictionary."""
    if isinstance(content, Opaque):
        return content if attribute in content.attributes else None
    if isinstance(content, dict):
        content = list(content.values())
    if isinstance(content, list | tuple):
        for each in content:
            if isinstance(each, Opaque) and attribute in each.attributes:
                return each
    return None


def _numbers(owner: Any, name: str, ndim: int, path: Path) -> NDArray[np.float64]:
    values = owner.attributes.get(name)
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iuf" or values.ndim != ndim:
        found = (
            f"{values.dtype} of shape {values.shape}"
            if isinstance(values, np.ndarray)
            else _described(values)
        )
        raise ModelError(f"{path.name}: '{name}' must be numbers with {ndim} axes; found {found}.")
    return np.asarray(values, dtype=np.float64)


def _described(content: Any) -> str:
    return content.name if isinstance(content, Opaque) else f"a {type(content).__name__}"
