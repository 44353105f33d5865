"""CaImAn: the HDF5 file that ``cnm.save`` writes.

Everything is in ``/estimates``: footprints ``A`` as a compressed sparse column matrix
(pixels, components) whose pixels count down columns of the image (Fortran's order),
``C`` the denoised traces, ``YrA`` what remains of the raw ones, ``S`` the deconvolved
activity, ``F_dff`` (all (components, frames)), and ``idx_components``, the accepted
ones. Fields that were never computed hold the text "NoneType".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import FormatError, RecordingError
from napari_crbm.io.options import ReadOptions
from napari_crbm.io.reading import hdf5
from napari_crbm.io.reading.imaging_programs import (
    active_frames,
    frame_times,
    in_micrometres,
)
from napari_crbm.io.reading.layout import on_first_axis
from napari_crbm.io.reading.stored_fluorescence import StoredFluorescence
from napari_crbm.io.reading.traces import Chosen, Combined, Traces
from napari_crbm.recording import Recording, Step

_FOOTPRINTS = ("data", "indices", "indptr", "shape")
# Entries of footprints read at a time.
_ENTRIES = 1 << 20


def can_read(file: h5py.File) -> bool:
    """Return whether the open file has estimates of components."""
    return _estimates(file) is not None


def _estimates(file: h5py.File) -> h5py.Group | None:
    """Return the group of the estimates, the root in old versions of CaImAn."""
    for group in (file.get("estimates"), file):
        if isinstance(group, h5py.Group) and "A" in group and ("C" in group or "F_dff" in group):
            return group
    return None


def read(file: h5py.File, path: Path, options: ReadOptions) -> Recording:
    """Read the accepted components.

    Raises
    ------
    FormatError
        If a field is missing or damaged.
    RecordingError
        If fields contradict each other, or no component was accepted.
    """
    estimates = _estimates(file)
    assert estimates is not None
    dims = _dims(file)
    centres = _centres(estimates, dims)
    accepted = _accepted(estimates, len(centres))
    notes: dict[str, Any] = {"components": len(centres), "accepted": len(accepted)}
    raw, deconvolved, relative, of = _traces(estimates, path, len(centres), options)
    if len(accepted) < len(centres):
        raw = Chosen(raw, accepted)
        deconvolved = None if deconvolved is None else Chosen(deconvolved, accepted)
        relative = None if relative is None else Chosen(relative, accepted)
    # A footprint without pixels has no place; such components carry no cell either.
    missing = np.flatnonzero(~np.isfinite(centres[accepted]).all(axis=1))
    if len(missing):
        raise RecordingError(
            f"Component {accepted[missing[0]]} has an empty footprint in 'estimates/A': leave it "
            "out with cnm.estimates.select_components, and save again."
        )
    coordinates = in_micrometres(
        centres[accepted], options, notes, "CaImAn", (None, *_pixel_um(file))
    )
    spikes, step = active_frames(raw, options, deconvolved=deconvolved, source=of)
    rate = _number(file, "params/data/fr")
    times = frame_times(spikes.n_frames, options, notes, rate_hz=rate, source="params/data/fr")
    return Recording(
        coordinates=coordinates,
        spikes=spikes,
        times=times,
        name=path.stem,
        # The baseline of C is near zero, so without F_dff it is shown in CaImAn's own unit.
        fluorescence=raw if relative is None else relative,
        provenance=(Step("read CaImAn", notes), step),
    )


def _dims(file: h5py.File) -> tuple[int, ...]:
    """Return the size of the image: rows, columns, and planes if there are several."""
    for name in ("dims", "estimates/dims"):
        stored = file.get(name)
        if isinstance(stored, h5py.Dataset) and stored.dtype.kind in "iuf":
            dims = hdf5.whole_numbers(stored)
            if len(dims) in (2, 3) and min(dims) > 0:
                return dims
            raise RecordingError(f"'{name}' must hold two or three lengths; found {dims}.")
    raise FormatError(
        f"{hdf5.file_name(file)} does not tell the size of its images ('dims'), without which "
        "footprints have no place."
    )


def _centres(estimates: h5py.Group, dims: tuple[int, ...]) -> NDArray[np.float64]:
    """Compute the centre of mass of every footprint: plane, row, column, (components, 3)."""
    if isinstance(estimates["A"], h5py.Dataset):
        raise FormatError(
            "'estimates/A' must be a sparse matrix as cnm.save writes it (a group with data, "
            f"indices, indptr and shape); found {estimates['A'].dtype} of shape "
            f"{estimates['A'].shape}."
        )
    data, indices, indptr, shape = (
        hdf5.require_numbers(estimates["A"], name, 1) for name in _FOOTPRINTS
    )
    if len(shape) != 2:
        raise FormatError(f"'estimates/A/shape' must hold two numbers; found {len(shape)}.")
    n_pixels, n_components = hdf5.whole_numbers(shape)
    starts = indptr[()].astype(np.int64)
    if n_pixels != int(np.prod(dims, dtype=object)):
        raise RecordingError(
            f"Footprints have {n_pixels:,} pixels, but images of {' x '.join(map(str, dims))} have "
            f"{int(np.prod(dims, dtype=object)):,}: they belong to different runs."
        )
    fits = (
        len(starts) == n_components + 1
        and (np.diff(starts) >= 0).all()
        and starts[0] == 0
        and starts[-1] == len(data) == len(indices)
    )
    if not fits:
        raise RecordingError("'estimates/A' contradicts itself: indptr does not fit its entries.")
    sums = np.zeros((4, n_components))
    for start in range(0, len(data), _ENTRIES):
        part = slice(start, start + _ENTRIES)
        weight = np.abs(np.asarray(data[part], dtype=np.float64))
        pixel = indices[part].astype(np.int64)
        if len(pixel) and not 0 <= pixel.min() <= pixel.max() < n_pixels:
            raise RecordingError("'estimates/A' names pixels outside the image: it is damaged.")
        component = np.searchsorted(starts, np.arange(start, start + len(pixel)), "right") - 1
        place = np.unravel_index(pixel, dims, order="F")
        plane = place[2] if len(dims) == 3 else np.zeros(len(pixel))
        for total, value in zip(sums, (1.0, plane, place[0], place[1]), strict=True):
            total += np.bincount(component, weight * value, n_components)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((sums[1:] / sums[0]).T)


def _accepted(estimates: h5py.Group, n_components: int) -> NDArray[np.int64]:
    """Return the indices of the accepted components; all if none were evaluated."""
    stored = estimates.get("idx_components")
    if not isinstance(stored, h5py.Dataset) or stored.dtype.kind not in "iu":
        return np.arange(n_components)
    accepted = np.unique(stored[()]).astype(np.int64)
    if len(accepted) == 0:
        raise RecordingError(
            "No component was accepted: 'estimates/idx_components' is empty. Evaluate components "
            "in CaImAn again with milder thresholds."
        )
    if accepted[0] < 0 or accepted[-1] >= n_components:
        raise RecordingError(
            f"'estimates/idx_components' accepts component {accepted[-1]}, but there are "
            f"{n_components:,}."
        )
    return accepted


def _traces(
    estimates: h5py.Group, path: Path, n_components: int, options: ReadOptions
) -> tuple[Traces, Traces | None, Traces | None, str]:
    """Return noisy traces, deconvolved activity, dF/F, and the name of the source."""

    def stored(name: str) -> StoredFluorescence | None:
        dataset = estimates.get(name)
        if not isinstance(dataset, h5py.Dataset) or dataset.dtype.kind not in "iuf":
            return None
        # An HDF5 null dataspace stands for None.
        if dataset.shape is None:
            return None
        first = on_first_axis(
            f"estimates/{name}", dataset.shape, n_components, True, options.neurons_first
        )
        return StoredFluorescence.of(dataset, first)

    denoised, rest, deconvolved, relative = (stored(name) for name in ("C", "YrA", "S", "F_dff"))
    for name, traces in (("YrA", rest), ("S", deconvolved), ("F_dff", relative)):
        if denoised is not None and traces is not None and traces.shape != denoised.shape:
            raise RecordingError(
                f"'estimates/{name}' and 'estimates/C' have different shapes "
                f"({traces.shape[::-1]} and {denoised.shape[::-1]}): they belong to different runs."
            )
    if denoised is not None and rest is not None:
        raw = Combined((denoised, rest), np.add)
        return raw, deconvolved, relative, "rises of C + YrA" if deconvolved is None else "S"
    # Denoised traces show no noise to which deconvolved activity could be compared.
    if relative is not None:
        return relative, None, relative, "rises of F_dff"
    if denoised is not None:
        return denoised, None, None, "rises of C"
    raise FormatError(f"{path.name} holds no traces: 'estimates/C' or 'estimates/F_dff' is needed.")


def _pixel_um(file: h5py.File) -> tuple[float | None, float | None]:
    """Return the pixel size in micrometres per row and column; a default of 1 means unknown."""
    stored = file.get("params/data/dxy")
    if not isinstance(stored, h5py.Dataset) or stored.dtype.kind not in "iuf" or stored.size != 2:
        return None, None
    rows, columns = (float(size) for size in np.ravel(stored[()]))
    return (None, None) if (rows, columns) == (1.0, 1.0) else (rows, columns)


def _number(file: h5py.File, name: str) -> float | None:
    stored = file.get(name)
    if not isinstance(stored, h5py.Dataset) or stored.size != 1 or stored.dtype.kind not in "iuf":
        return None
    return float(np.ravel(stored[()])[0])
