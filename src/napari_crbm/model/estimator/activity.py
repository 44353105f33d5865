"""Turn what a user hands to the estimator into `Spikes`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from napari_crbm.errors import RecordingError
from napari_crbm.spikes import CHUNK_FRAMES, Spikes


class HasSpikes(Protocol):
    """A recording: an object with binarised activity."""

    @property
    def spikes(self) -> Spikes:
        """The activity."""


#: What `CRBM.fit` takes: a recording, spikes, or a (frames, neurons) array or sparse matrix.
ActivityLike: TypeAlias = HasSpikes | Spikes | ArrayLike


def as_spikes(data: ActivityLike) -> Spikes:
    """Return the binarised activity in a recording, an array or a sparse matrix.

    Parameters
    ----------
    data : Recording, Spikes, array or SciPy sparse matrix
        Arrays and matrices are (frames, neurons) and hold zeros and ones of any numeric type.

    Raises
    ------
    RecordingError
        If it is something else, or its values are not all 0 or 1.
    """
    if isinstance(data, Spikes):
        return data
    if hasattr(data, "spikes"):
        spikes = data.spikes
        if not isinstance(spikes, Spikes):
            raise RecordingError(
                f"This {type(data).__name__} holds no binarised activity: its attribute 'spikes' "
                f"is a {type(spikes).__name__}, not Spikes. Preprocess the recording first."
            )
        return spikes
    if sparse.issparse(data):
        return _from_sparse(data)
    return _from_dense(data)


def segments_of(data: ActivityLike) -> tuple[tuple[int, int], ...] | None:
    """Return the stretches of continuous recording that a recording knows of."""
    return getattr(data, "segments", None)


def _from_dense(data: Any) -> Spikes:
    wanted = "Activity must be a Recording, Spikes, or a (frames, neurons) array of zeros and ones"
    try:
        dense = np.asarray(data)
    except ValueError as error:
        raise RecordingError(f"{wanted}; found rows of different lengths.") from error
    if dense.dtype.kind == "c":
        raise RecordingError(f"{wanted}. Complex data not supported.")
    if dense.dtype.kind not in "biuf":
        raise RecordingError(f"{wanted}; found {type(data).__name__} with values of {dense.dtype}.")
    _require_frames_and_neurons(dense.shape)
    try:
        return Spikes.from_dense(dense)
    except RecordingError as error:
        raise RecordingError(f"{error}{_not_finite(dense)}") from error


def _from_sparse(matrix: Any) -> Spikes:
    if matrix.dtype.kind not in "biuf":
        raise RecordingError(
            f"A sparse matrix of activity must hold zeros and ones; found values of {matrix.dtype}."
        )
    _require_frames_and_neurons(matrix.shape)
    rows = sparse.csr_array(matrix)

    def blocks() -> Iterator[NDArray[Any]]:
        for start in range(0, rows.shape[0], CHUNK_FRAMES):
            yield rows[start : start + CHUNK_FRAMES].toarray()

    try:
        return Spikes.from_chunks(blocks(), *rows.shape)
    except RecordingError as error:
        raise RecordingError(f"{error}{_not_finite(rows.data)}") from error


def _not_finite(values: NDArray[Any]) -> str:
    return "" if np.isfinite(values).all() else " It also holds NaN or infinity (inf)."


def _require_frames_and_neurons(shape: tuple[int, ...]) -> None:
    if len(shape) != 2:
        raise RecordingError(
            f"Activity must have two axes, (frames, neurons); found shape {shape}. Reshape your "
            "data: one frame is (1, neurons), one neuron is (frames, 1)."
        )
    if 0 in shape:
        raise RecordingError(
            "Activity must hold at least one frame and one neuron; found "
            + (f"{shape[1]} feature(s)" if shape[0] else f"{shape[0]} sample(s)")
            + f" (shape={shape}) while a minimum of 1 is required."
        )


def coordinates_of(data: ActivityLike) -> NDArray[np.floating] | None:
    """Return the positions (N, D) of the neurons of a recording in micrometres, if it has any."""
    found = getattr(data, "coordinates", None)
    return None if found is None else np.asarray(found)
