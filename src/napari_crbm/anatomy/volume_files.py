"""Read label volumes and tables of names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari_crbm.anatomy.label_volume import ORIENTATION, volume_atlas
from napari_crbm.anatomy.structures import Atlas, Structure
from napari_crbm.errors import FormatError, install_extra

#: A volume, its voxel size in micrometres and its orientation, each if the file contains it.
Volume = tuple[NDArray[Any], tuple[float, float, float] | None, str | None]

_LABEL_COLUMNS = ("label", "id", "index", "value")
_NAME_COLUMNS = ("path", "name", "region", "structure")
_UM = {"m": 1e6, "meter": 1e6, "mm": 1e3, "millimeter": 1e3, "um": 1.0, "micron": 1.0, "µm": 1.0}


def read_volume_atlas(
    path: str | Path,
    names: str | Path | None = None,
    spacing_um: tuple[float, float, float] | None = None,
    orientation: str | None = None,
) -> Atlas:
    """Read an atlas from a label volume (TIFF, NRRD, NIfTI, MATLAB, NumPy) and its names.

    Parameters
    ----------
    path : path
    names : path, optional
        See `read_names`; without it labels are called "region 1" and so on.
    spacing_um, orientation : optional
        See `label_volume.volume_atlas`. They override the values of the file. If the file has
        none, the default orientation is "sal" and the spacing is required.

    Raises
    ------
    FormatError
        If the file cannot be read as a volume of labels.
    """
    path = Path(path)
    ending = "".join(path.suffixes[-2:]) if path.name.endswith(".nii.gz") else path.suffix
    reader = _READERS.get(ending.lower())
    if reader is None:
        raise FormatError(
            f"{path.name} is no label volume that can be read: use one of {', '.join(_READERS)}."
        )
    if not path.is_file():
        raise FormatError(f"There is no file {path}.")
    try:
        labels, spacing, turned = reader(path)
    except (FormatError, ImportError):
        raise
    except Exception as error:
        raise FormatError(f"{path.name} cannot be read: {error}.") from error
    spacing = spacing_um or spacing
    if spacing is None:
        raise FormatError(
            f"{path.name} does not tell the size of its voxels: give it in micrometres, one "
            "number for each axis."
        )
    if labels.ndim != 3:
        raise FormatError(f"{path.name} has {labels.ndim} axes; a volume of labels has three.")
    if not np.issubdtype(labels.dtype, np.integer):
        if not np.array_equal(labels, np.round(labels)):
            raise FormatError(f"{path.name} holds fractions; a volume of labels holds integers.")
        labels = labels.astype(np.int64)
    structures = _plain_names(labels) if names is None else read_names(names)
    return volume_atlas(
        path.stem, labels, spacing, structures, orientation or turned or ORIENTATION
    )


def read_names(path: str | Path) -> dict[int, Structure]:
    """Read names of labels: a table with a label and a name on every line.

    Cells are separated by comma, semicolon or tab; a header line is optional. A name such as
    "Forebrain / Diencephalon / Habenula" gives the position of the region in the tree.

    Returns
    -------
    dict of int to Structure
        Labels of the file, and negative labels for their ancestors.

    Raises
    ------
    FormatError
        If there is no label or no name on a line.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise FormatError(f"{path} cannot be read: {error.strerror}.") from error
    lines = [line for line in lines if line.strip()]
    if not lines:
        raise FormatError(f"{path.name} is empty.")
    separator = max("\t;,", key=lines[0].count)
    table = pd.DataFrame([re.split(re.escape(separator), line, maxsplit=1) for line in lines])
    heading = [str(cell).strip().strip('"').lower() for cell in table.iloc[0]]
    if heading[0] in _LABEL_COLUMNS or (len(heading) > 1 and heading[1] in _NAME_COLUMNS):
        table = table.iloc[1:]
    structures: dict[int, Structure] = {}
    place: dict[tuple[str, ...], int] = {}

    def add(path: tuple[str, ...], label: int | None = None) -> int:
        """Add a structure after its ancestors, and return its index."""
        above = path[:-1]
        parent = None if not above else place[above] if above in place else add(above)
        position = len(structures)
        place.setdefault(path, position)
        structures[-1 - position if label is None else label] = Structure(path[-1], parent=parent)
        return position

    for number, row in enumerate(table.itertuples(index=False), start=1):
        cells = [str(cell).strip().strip('"') for cell in row if cell is not None]
        if len(cells) < 2 or not re.fullmatch(r"\d+", cells[0]) or not cells[1]:
            raise FormatError(
                f"{path.name}, region {number}: a label (a whole number) and a name are needed, "
                f"separated by comma, semicolon or tab; found '{separator.join(cells)}'."
            )
        label = int(cells[0])
        if label in structures:
            raise FormatError(f"{path.name} names label {label} twice.")
        if label > 0:
            add(tuple(part.strip() for part in cells[1].split(" / ")), label)
    return structures


def _plain_names(labels: NDArray[np.integer]) -> dict[int, Structure]:
    return {int(k): Structure(f"region {k}") for k in np.unique(labels) if k != 0}


def _read_tiff(path: Path) -> Volume:
    import tifffile

    with tifffile.TiffFile(path) as file:
        tags = file.imagej_metadata or {}
        volume = file.asarray()
        resolution = file.pages.first.tags.get("XResolution")
        unit = str(tags.get("unit", "")).replace("\\u00B5", "µ")
        if "spacing" not in tags or resolution is None or unit not in _UM:
            return volume, None, None
        dots, length = resolution.value
        in_plane = _UM[unit] * length / dots
        return volume, (_UM[unit] * float(tags["spacing"]), in_plane, in_plane), None


def _read_nifti(path: Path) -> Volume:
    nibabel = _optional("nibabel", path)
    image = nibabel.load(path)
    letters = "".join(nibabel.aff2axcodes(image.affine)).lower()
    # NIfTI names the end of an axis; here its start is named.
    start = letters.translate(str.maketrans("rlapsi", "lrpais"))
    unit = _UM.get(str(image.header.get_xyzt_units()[0]), 1e3)
    size = [unit * float(value) for value in image.header.get_zooms()[:3]]
    return np.asarray(image.dataobj), (size[0], size[1], size[2]), start


def _read_nrrd(path: Path) -> Volume:
    nrrd = _optional("nrrd", path)
    volume, header = nrrd.read(str(path))
    unit = _UM.get(str((header.get("space units") or ["um"])[0]).lower(), 1.0)
    directions, spacings = header.get("space directions"), header.get("spacings")
    if directions is not None:
        size = unit * np.linalg.norm(np.asarray(directions, dtype=np.float64), axis=1)
    elif spacings is not None:
        size = unit * np.asarray(spacings, dtype=np.float64)
    else:
        return volume, None, None
    return volume, (float(size[0]), float(size[1]), float(size[2])), None


def _read_matlab(path: Path) -> Volume:
    import h5py

    if h5py.is_hdf5(path):
        with h5py.File(path, "r") as file:
            # MATLAB stores arrays in column-major order, so the axes are reversed.
            arrays = {k: d for k, d in file.items() if isinstance(d, h5py.Dataset) and d.ndim == 3}
            return _only(arrays, path)[()].T, None, None
    from scipy.io import loadmat

    found = loadmat(path)
    arrays = {k: v for k, v in found.items() if getattr(v, "ndim", 0) == 3}
    return _only(arrays, path), None, None


def _read_numpy(path: Path) -> Volume:
    loaded = np.load(path, allow_pickle=False)
    if path.suffix == ".npy":
        return loaded, None, None
    with loaded:
        arrays = {k: loaded[k] for k in loaded.files if loaded[k].ndim == 3}
        spacing = loaded["spacing_um"] if "spacing_um" in loaded.files else None
        volume = _only(arrays, path)
    size = None if spacing is None else tuple(float(value) for value in spacing)
    return volume, size, None  # type: ignore[return-value]


def _only(arrays: dict[str, Any], path: Path) -> Any:
    if len(arrays) != 1:
        found = ", ".join(f"'{name}'" for name in arrays) or "none"
        raise FormatError(f"{path.name} must hold one array with three axes; found {found}.")
    return next(iter(arrays.values()))


def _optional(module: str, path: Path) -> Any:
    import importlib

    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise FormatError(
            f"{path.name} needs a further library to be read: {install_extra('atlas')}."
        ) from error


_READERS: dict[str, Callable[[Path], Volume]] = {
    ".tif": _read_tiff,
    ".tiff": _read_tiff,
    ".nrrd": _read_nrrd,
    ".nii": _read_nifti,
    ".nii.gz": _read_nifti,
    ".mat": _read_matlab,
    ".npy": _read_numpy,
    ".npz": _read_numpy,
}
