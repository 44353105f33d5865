"""Write recordings and the results of a model as NWB.

What has a place in the schema goes there: neurons are a plane segmentation, fluorescence
and binarised activity response series, traces time series of behaviour, assemblies a
table that points at their neurons, and their activity a time series.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.io.formats.nwb.activity import BINARISED
from napari_crbm.io.formats.nwb.nwb import POSITIONS, REGIONS, import_pynwb
from napari_crbm.io.reading import hdf5
from napari_crbm.io.safety.replacing import sink
from napari_crbm.io.writing.inputs import refuse_source
from napari_crbm.model import CRBM
from napari_crbm.recording import Recording
from napari_crbm.spikes import CHUNK_FRAMES

# The schema wants a date; this one stands for an unknown one.
_UNKNOWN_START = datetime(1970, 1, 1, tzinfo=UTC)
# Times are regular if no frame is further off than this share of the interval.
_REGULAR = 1e-4


def save_nwb(
    recording: Recording,
    path: str | Path,
    *,
    model: CRBM | None = None,
    activity: NDArray[np.floating] | None = None,
    members: Sequence[NDArray[np.int64]] | None = None,
    columns: Mapping[str, NDArray[Any]] | None = None,
    session_start: datetime | None = None,
) -> Path:
    """Write a recording, and the results of a model, as NWB and return the path.

    Nothing is ever held whole but the weights: fluorescence and spikes are written a
    block of frames at a time.

    Parameters
    ----------
    recording : Recording
    path : path
        Usually ending in ``.nwb``.
    model : CRBM, optional
        Trained on the recording.
    activity : (T, M), optional
        ``model.transform(recording.spikes)``, if it is known already.
    members : sequence of index arrays, optional
        Neurons of every assembly; those with a weight that is not zero by default.
    columns : mapping of str to (M,) arrays, optional
        More about every assembly, such as a table's columns.
    session_start : datetime, optional
        When the recording was made; NWB asks for it, and 1970 stands for unknown.

    Raises
    ------
    FormatError
        If pynwb is missing, or the file cannot be written.
    ModelError
        If the model describes other neurons.
    """
    pynwb = import_pynwb()
    refuse_source(path, recording)
    if model is not None and model.n_neurons != recording.n_neurons:
        raise ModelError(
            f"The model has {model.n_neurons:,} neurons, recording '{recording.name}' "
            f"{recording.n_neurons:,}: it was trained on another one."
        )
    start = session_start or _UNKNOWN_START
    if start.tzinfo is None:
        start = start.astimezone()
    unknown = "" if session_start else " Its date is not known; 1970 stands for that."
    nwbfile = pynwb.NWBFile(
        session_description=f"Recording '{recording.name}' of neural activity.{unknown}",
        identifier=recording.fingerprint,
        session_start_time=start,
        session_id=recording.name,
        notes=_notes(recording, model),
    )
    table = _neurons(pynwb, nwbfile, recording, model)
    _responses(pynwb, nwbfile, recording, table)
    _traces(pynwb, nwbfile, recording)
    if model is not None:
        if activity is None:
            activity = model.transform(recording.spikes)
        _results(pynwb, nwbfile, recording, table, model, activity, members, columns or {})
    with (
        warnings.catch_warnings(),
        sink(path) as target,
        hdf5.OutputFile(target) as file,
    ):
        # PyNWB before 4 expects a path, and warns of the ending of the one it does not get.
        warnings.filterwarnings("ignore", "The file path provided", UserWarning)
        with pynwb.NWBHDF5IO(file=file, mode="w") as writer:
            writer.write(nwbfile)
    return Path(path)


def _notes(recording: Recording, model: CRBM | None) -> str:
    """Return provenance, metadata and training settings as JSON."""
    notes: dict[str, Any] = {
        "provenance": [[step.name, dict(step.parameters)] for step in recording.provenance],
        "metadata": dict(recording.metadata),
    }
    if model is not None:
        settings = model.settings_
        notes["model"] = {
            "settings": None if settings is None else settings.as_dict(),
            "versions": model.versions_,
        }
    return json.dumps(notes, default=str)


def _neurons(pynwb: Any, nwbfile: Any, recording: Recording, model: CRBM | None) -> Any:
    """Make the plane segmentation: one voxel per neuron, exact positions, regions, parameters."""
    common = pynwb.core
    zyx, located = recording.positions, recording.located
    origin = np.zeros(3)
    if located.any():
        origin = np.floor(zyx[located].min(axis=0)).astype(np.float64)
    device = nwbfile.create_device(name="Microscope", description="not known")
    channel = pynwb.ophys.OpticalChannel(
        name="OpticalChannel", description="not known", emission_lambda=np.nan
    )
    interval = recording.frame_interval_s
    plane = nwbfile.create_imaging_plane(
        name="ImagingVolume",
        optical_channel=channel,
        description="Axes: x left to right, y anterior to posterior, z dorsal to ventral.",
        device=device,
        excitation_lambda=np.nan,
        indicator="not known",
        location="brain",
        imaging_rate=1 / interval if interval else None,
        grid_spacing=[1.0, 1.0, 1.0],
        grid_spacing_unit="micrometers",
        origin_coords=origin[::-1].tolist(),
        origin_coords_unit="micrometers",
    )
    n = recording.n_neurons
    voxels = np.zeros(n, dtype=[("x", "u4"), ("y", "u4"), ("z", "u4"), ("weight", "f4")])
    for axis, name in enumerate("zyx"):
        # The schema needs a voxel; neurons without position lie at the origin, and have
        # NaN in the exact columns.
        voxels[name] = np.where(located, np.rint(zyx[:, axis] - origin[axis]), 0)
    voxels["weight"] = 1
    masks = common.VectorData(name="voxel_mask", description="one voxel a neuron", data=voxels)
    ends = common.VectorIndex(name="voxel_mask_index", data=np.arange(1, n + 1), target=masks)
    held = [ends, masks]
    for axis, name in zip((2, 1, 0), POSITIONS, strict=True):
        text = f"exact {name[0]} of the neuron in micrometres"
        held.append(common.VectorData(name=name, description=text, data=zyx[:, axis]))
    if recording.regions is not None:
        held += _region_columns(common, recording)
    if model is not None:
        weights = pynwb.H5DataIO(model.weights_, compression="gzip", compression_opts=1)
        about = "weight of the neuron in every assembly (column k: row k of 'Assemblies')"
        held.append(common.VectorData(name="crbm_weights", description=about, data=weights))
        about = "field g of the neuron"
        held.append(common.VectorData(name="crbm_field", description=about, data=model.fields_))
    table = pynwb.ophys.PlaneSegmentation(
        name="Neurons",
        description="napari-crbm",
        imaging_plane=plane,
        id=np.arange(n),
        columns=held,
        colnames=[column.name for column in held if not column.name.endswith("_index")],
    )
    segmentation = pynwb.ophys.ImageSegmentation()
    segmentation.add_plane_segmentation(table)
    nwbfile.create_processing_module("ophys", "neurons and their activity").add(segmentation)
    return table


def _region_columns(common: Any, recording: Recording) -> list[Any]:
    regions = recording.regions
    assert regions is not None
    rows = regions.membership.tocsr()
    names = [regions.names[column] for column in rows.indices]
    held = common.VectorData(
        name=REGIONS, description="brain regions that hold the neuron", data=names or [""]
    )
    ends = common.VectorIndex(name=f"{REGIONS}_index", data=rows.indptr[1:].tolist(), target=held)
    return [ends, held]


def _responses(pynwb: Any, nwbfile: Any, recording: Recording, table: Any) -> None:
    """Make the response series of fluorescence and spikes, which are streamed."""
    module = nwbfile.processing["ophys"]
    fluorescence, spikes = recording.fluorescence, recording.spikes

    def series(name: str, about: str, blocks: Any) -> Any:
        return pynwb.ophys.RoiResponseSeries(
            name=name,
            description=about,
            data=pynwb.H5DataIO(blocks, compression="gzip", compression_opts=1),
            unit="n.a.",
            rois=table.create_roi_table_region(
                region=list(range(recording.n_neurons)), description="all neurons"
            ),
            **_clock(recording),
        )

    def hold(interface: Any, held: Any) -> None:
        # In this order: a series is to be in the file of its neurons when it gets its place.
        module.add(interface)
        interface.add_roi_response_series(held)

    if fluorescence is not None:
        shown = fluorescence
        blocks = _blocks(lambda start, stop: shown.frames(start, stop), spikes.shape, "f4")
        relative = series("DFOverF", "dF/F of every neuron", blocks)
        hold(pynwb.ophys.DfOverF(name="DfOverF"), relative)
    blocks = _blocks(
        lambda start, stop: spikes.select_frames(slice(start, stop)).dense(), spikes.shape, "u1"
    )
    binary = series(BINARISED, "1 in frames in which a neuron is active, else 0", blocks)
    hold(pynwb.ophys.Fluorescence(name="Activity"), binary)


def _blocks(read: Any, shape: tuple[int, int], dtype: str) -> Any:
    """What pynwb writes block by block: ``read(start, stop)`` of frames."""
    from hdmf.data_utils import GenericDataChunkIterator

    class Blocks(GenericDataChunkIterator):  # type: ignore[misc]
        def _get_data(self, selection: tuple[slice, ...]) -> NDArray[Any]:
            frames, neurons = selection
            return np.asarray(read(frames.start, frames.stop)[:, neurons], dtype=dtype)

        def _get_maxshape(self) -> tuple[int, int]:
            return shape

        def _get_dtype(self) -> np.dtype[Any]:
            return np.dtype(dtype)

    rows = min(CHUNK_FRAMES, shape[0])
    return Blocks(buffer_shape=(rows, shape[1]), chunk_shape=(rows, min(CHUNK_FRAMES, shape[1])))


def _clock(recording: Recording) -> dict[str, Any]:
    """Return start and rate of regular frames, as NWB asks for, else all timestamps."""
    times, interval = recording.times, recording.frame_interval_s
    if interval:
        regular = times[0] + interval * np.arange(len(times))
        # A rate that is off by little in every frame adds up.
        rate = (len(times) - 1) / (times[-1] - times[0])
        if np.abs(times - regular).max() < _REGULAR * interval:
            return {"starting_time": float(times[0]), "rate": float(rate)}
    return {"timestamps": times}


def _traces(pynwb: Any, nwbfile: Any, recording: Recording) -> None:
    if not recording.traces:
        return
    module = nwbfile.create_processing_module("behavior", "recorded beside the activity")
    for name, values in recording.traces.items():
        # Slashes would be read as groups.
        safe = name.replace("/", "-").replace(":", "-")
        module.add(
            pynwb.TimeSeries(
                name=safe, description=name, data=values, unit="n.a.", **_clock(recording)
            )
        )


def _results(
    pynwb: Any,
    nwbfile: Any,
    recording: Recording,
    table: Any,
    model: CRBM,
    activity: NDArray[np.floating],
    members: Sequence[NDArray[np.int64]] | None,
    columns: Mapping[str, NDArray[Any]],
) -> None:
    """Make the table of assemblies: members, weights, parameters, activity."""
    common = pynwb.core
    weights = model.weights_
    if members is None:
        members = [np.flatnonzero(weights[:, unit]) for unit in range(model.n_assemblies)]
    ends = np.cumsum([len(each) for each in members])
    neurons = np.concatenate([*members, np.empty(0, dtype=np.int64)]).astype(np.int64)
    units = np.repeat(np.arange(model.n_assemblies), [len(each) for each in members])
    held = common.DynamicTableRegion(
        name="neurons", description="members, rows of 'Neurons'", data=neurons, table=table
    )
    of_members = common.VectorData(
        name="weights", description="weights of the members", data=weights[neurons, units]
    )
    columns = {
        "size": np.array([len(each) for each in members]),
        **model.hidden_._asdict(),
        **columns,
    }
    parts = [
        common.VectorIndex(name="neurons_index", data=ends, target=held),
        held,
        common.VectorIndex(name="weights_index", data=ends, target=of_members),
        of_members,
    ]
    for name, values in columns.items():
        plain = np.asarray(values)
        data = [str(value) for value in plain] if plain.dtype.kind in "OUS" else plain
        parts.append(common.VectorData(name=name, description=_about(name), data=data))
    assemblies = common.DynamicTable(
        name="Assemblies",
        description="Hidden units of a compositional restricted Boltzmann machine.",
        id=np.arange(model.n_assemblies),
        columns=parts,
        colnames=[part.name for part in parts if not part.name.endswith("_index")],
    )
    module = nwbfile.create_processing_module("assemblies", "neural assemblies of a cRBM")
    module.add(assemblies)
    module.add(
        pynwb.TimeSeries(
            name="AssemblyActivity",
            description="Expected activity of the hidden units given the neurons, E[h | v]; "
            "column k belongs to row k of 'Assemblies'.",
            data=pynwb.H5DataIO(np.asarray(activity, dtype=np.float32), compression="gzip"),
            unit="a.u.",
            **_clock(recording),
        )
    )


def _about(name: str) -> str:
    """A sentence on a column: parameters of the potential, or what the table calls it."""
    potential = {
        "gamma_plus": "curvature of the potential where h > 0",
        "gamma_minus": "curvature of the potential where h < 0",
        "theta_plus": "slope of the potential where h > 0",
        "theta_minus": "slope of the potential in |h| where h < 0",
        "size": "number of members",
    }
    return potential.get(name, name.replace("_", " "))
