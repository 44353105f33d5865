"""netCDF, xarray's Zarr stores, Minian and AnnData: by their libraries, or by their schema."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.io import netcdf_file

from napari_crbm.errors import CRBMError, FormatError, RecordingError, SettingError, UnknownLayout
from napari_crbm.io import open_recording, read_kind

T, N = 240, 22


class Truth:
    """What every file of this module holds."""

    generator = np.random.default_rng(4)
    raster = generator.random((T, N)) < 0.06
    dff = np.zeros((T, N), np.float32)
    for frame in range(1, T):
        dff[frame] = 0.8 * dff[frame - 1] + raster[frame]
    dff += generator.normal(0, 0.04, (T, N)).astype(np.float32)
    xyz = generator.uniform(0, 300, (N, 3))
    times = np.arange(T) / 4
    tail = generator.normal(size=T)
    regions = np.array(["tectum", "pallium"] * (N // 2))


def require_truth(recording, binary: bool = True, tolerance: float = 0.0) -> None:
    if binary:
        np.testing.assert_array_equal(recording.spikes.dense(), Truth.raster)
    np.testing.assert_allclose(recording.coordinates, Truth.xyz[:, ::-1], rtol=1e-6)
    np.testing.assert_allclose(recording.times, Truth.times, atol=1e-9)
    assert recording.regions.names == ("pallium", "tectum")
    np.testing.assert_array_equal(recording.regions.counts, [N // 2, N // 2])
    np.testing.assert_allclose(recording.fluorescence.trace(5), Truth.dff[:, 5], atol=tolerance)
    np.testing.assert_allclose(
        recording.fluorescence.frames(30, 60), Truth.dff[30:60], atol=tolerance
    )


def dataset(xarray):
    return xarray.Dataset(
        {
            "dff": (("time", "neuron"), Truth.dff),
            "spikes": (("neuron", "time"), Truth.raster.T.astype("i1")),
            "position": (("neuron", "axis"), Truth.xyz[:, ::-1], {"units": "um"}),
            "region": (("neuron",), Truth.regions),
            "tail": (("time",), Truth.tail),
            "session": (("time",), np.repeat([1, 2], T // 2)),
        },
        coords={"time": ("time", Truth.times, {"units": "s"}), "axis": ["z", "y", "x"]},
    )


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("fish.nc", {"engine": "h5netcdf"}),
        ("fish.cdf", {"engine": "scipy", "format": "NETCDF3_64BIT"}),
        ("fish.cdf", {"engine": "scipy", "format": "NETCDF3_CLASSIC"}),
    ],
)
def test_netcdf_of_xarray(tmp_path, name, options):
    xarray = pytest.importorskip("xarray")
    if options["engine"] == "h5netcdf":
        pytest.importorskip("h5netcdf")
    path = tmp_path / name
    dataset(xarray).to_netcdf(path, **options)
    assert read_kind(path) == "named-axes-recording"
    recording = open_recording(path)
    require_truth(recording)
    np.testing.assert_allclose(recording.traces["tail"], Truth.tail)
    assert recording.boundaries == (T // 2,)
    # Events are detected on demand.
    detected = open_recording(path, binarise=3.0)
    assert detected.spikes != recording.spikes
    found = detected.spikes.dense()[2:] & Truth.raster[2:]
    assert found.sum() > 0.8 * Truth.raster[2:].sum()


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.filterwarnings("ignore::Warning:zarr.*", "ignore:The data type:Warning")
def test_zarr_of_xarray(tmp_path, zarr_format):
    pytest.importorskip("zarr")
    xarray = pytest.importorskip("xarray")
    path = tmp_path / "fish.zarr"
    dataset(xarray).to_zarr(path, zarr_format=zarr_format, consolidated=False)
    require_truth(open_recording(path))


@pytest.mark.filterwarnings("ignore::Warning:zarr.*", "ignore:Consolidated:Warning")
def test_packed_numbers_moments_and_columns(tmp_path):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    path = tmp_path / "fish.nc"
    known = dataset(xarray).drop_vars(["spikes", "position", "axis", "session"])
    moments = pd.date_range("2020-01-01", periods=T, freq="250ms")
    columns = {name: (("neuron",), Truth.xyz[:, k]) for k, name in enumerate("xyz")}
    known = known.assign(columns).assign_coords(time=moments)
    packing = {"dtype": "i2", "scale_factor": 1e-3, "_FillValue": -32768}
    known.to_netcdf(path, engine="h5netcdf", encoding={"dff": packing})
    recording = open_recording(path)
    require_truth(recording, binary=False, tolerance=0.0006)
    assert recording.provenance[-1].parameters["of"] == "rises of dff"
    assert recording.spikes == open_recording(path, binarise=2.0).spikes


def test_netcdf_3_by_its_schema(tmp_path):
    path = tmp_path / "fish.nc"
    with netcdf_file(path, "w", version=2) as file:
        for axis, length in (("frame", T), ("cell", N), ("xyz", 3), ("letters", 8)):
            file.createDimension(axis, length)
        for name, axes, values in (
            ("dff", ("cell", "frame"), Truth.dff.T),
            ("xyz", ("cell", "xyz"), Truth.xyz.astype("f8")),
            ("time", ("frame",), 1000 * Truth.times),
            ("spikes", ("frame", "cell"), Truth.raster.astype("i4")),
        ):
            file.createVariable(name, values.dtype, axes)[:] = values
        file.variables["time"].units = b"ms"
        region = file.createVariable("region", "c", ("cell", "letters"))
        region[:] = np.array([list(name.ljust(8, "\0")) for name in Truth.regions], "S1")
    require_truth(open_recording(path))


def minian(folder, xarray) -> None:
    height, width = 32, 40
    footprints = np.zeros((N, height, width))
    for cell in range(N):
        footprints[cell, cell : cell + 3, cell + 5 : cell + 8] = [[1, 2, 1]] * 3
    for name, axes, values in (
        ("A", ("unit_id", "height", "width"), footprints),
        ("C", ("unit_id", "frame"), np.maximum(Truth.dff.T, 0)),
        ("S", ("unit_id", "frame"), 0.7 * Truth.raster.T),
        ("YrA", ("unit_id", "frame"), Truth.dff.T),
        ("b", ("height", "width"), footprints.sum(0)),
        ("f", ("frame",), Truth.tail),
        ("motion", ("frame", "shift_dim"), Truth.dff[:, :2]),
    ):
        places = {axis: np.arange(n) for axis, n in zip(axes, values.shape, strict=True)}
        array = xarray.DataArray(values, dims=axes, coords=places, name=name)
        array.to_dataset().assign_coords(animal="m1").to_zarr(
            folder / f"{name}.zarr", zarr_format=2, consolidated=False
        )


@pytest.mark.filterwarnings("ignore::Warning:zarr.*", "ignore:The data type:Warning")
def test_minian(tmp_path):
    pytest.importorskip("zarr")
    folder = tmp_path / "minian"
    minian(folder, pytest.importorskip("xarray"))
    with pytest.warns(UserWarning, match="does not store sizes"):
        recording = open_recording(folder, frame_rate_hz=20.0)
    assert recording.spikes.shape == (T, N) and recording.frame_interval_s == pytest.approx(0.05)
    # Deconvolved activity above the noise of the traces.
    np.testing.assert_array_equal(recording.spikes.dense(), Truth.raster)
    zyx = [(0, cell + 1, cell + 6) for cell in range(N)]
    np.testing.assert_allclose(recording.coordinates, zyx)
    np.testing.assert_allclose(recording.fluorescence.trace(3), Truth.dff[:, 3], rtol=1e-6)
    assert list(recording.traces) == ["f"]
    sized = open_recording(folder, frame_rate_hz=20.0, um_per_pixel=2.0)
    np.testing.assert_allclose(sized.coordinates, 2 * recording.coordinates)


def anndata(path, *, transposed=False, **changes) -> None:
    """An AnnData file by its documented schema, version 0.1.0."""
    axes = ("var", "obs") if transposed else ("obs", "var")

    def kind(item, name, version="0.2.0"):
        item.attrs["encoding-type"], item.attrs["encoding-version"] = name, version

    def table(group, index, columns):
        kind(group, "dataframe")
        group.attrs["_index"], group.attrs["column-order"] = "_index", list(columns)
        group.create_dataset("_index", data=index, dtype=h5py.string_dtype())
        for name, values in columns.items():
            group[name] = values

    with h5py.File(path, "w") as file:
        kind(file, "anndata", "0.1.0")
        matrix = Truth.dff if transposed else Truth.dff.T
        file["X"] = changes.get("X", matrix)
        spikes = Truth.raster if transposed else Truth.raster.T
        held = sparse.csr_array(spikes.astype("f4"))
        group = file.create_group("layers/spikes")
        kind(group, "csr_matrix", "0.1.0")
        group.attrs["shape"] = changes.get("shape", held.shape)
        for name in ("data", "indices", "indptr"):
            group[name] = getattr(held, name)
        cells, frames = (file.create_group(axis) for axis in axes)
        table(cells, changes.get("cells", [f"cell{k}" for k in range(N)]), {})
        names = changes.get("frames", [str(k) for k in range(T)])
        table(frames, names, {} if changes.get("times") is False else {"time": Truth.times})
        region = cells.create_group("region")
        kind(region, "categorical")
        region["codes"] = np.array([k % 2 for k in range(N)], "i1")
        region.create_dataset("categories", data=["tectum", "pallium"], dtype=h5py.string_dtype())
        if changes.get("places") is not False:
            file[f"{axes[0]}m/spatial"] = Truth.xyz


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("lacks", [(), ("times",), ("places",), ("times", "places")])
def test_anndata_by_its_schema(tmp_path, transposed, lacks):
    path = tmp_path / "fish.h5ad"
    anndata(path, transposed=transposed, **dict.fromkeys(lacks, False))
    recording = open_recording(path, frame_rate_hz=4.0 if "times" in lacks else None)
    np.testing.assert_array_equal(recording.spikes.dense(), Truth.raster)
    assert (recording.coordinates is None) == ("places" in lacks)
    if not lacks:
        require_truth(recording)


def test_anndata_by_its_library(tmp_path):
    library = pytest.importorskip("anndata")
    table = library.AnnData(
        X=Truth.dff.T.copy(),
        obs=pd.DataFrame(
            {"region": pd.Categorical(Truth.regions)}, index=[f"c{k}" for k in range(N)]
        ),
        var=pd.DataFrame({"time": Truth.times}, index=[str(k) for k in range(T)]),
        layers={"spikes": sparse.csr_matrix(Truth.raster.T.astype("f4"))},
        obsm={"spatial": Truth.xyz},
    )
    table.write_h5ad(tmp_path / "fish.h5ad")
    require_truth(open_recording(tmp_path / "fish.h5ad"))


def test_wrong_neighbours_say_what_is_wrong(tmp_path):
    genes = tmp_path / "genes.h5ad"
    anndata(genes, times=False, places=False, frames=[f"Gene{k}" for k in range(T)])
    with pytest.raises(RecordingError, match=r"genes\.h5ad: .*'Gene0', 'Gene1'"):
        open_recording(genes)
    neither = tmp_path / "neither.h5ad"
    anndata(neither, times=False, places=False, cells=[str(k) for k in range(N)])
    with pytest.raises(SettingError, match="neurons_first=True"):
        open_recording(neither)
    chosen = open_recording(neither, neurons_first=True, frame_rate_hz=4.0)
    assert chosen.spikes.shape == (T, N)
    contradicting = tmp_path / "contradicting.h5ad"
    anndata(contradicting, shape=(N, 3))
    with pytest.raises(FormatError, match="layers/spikes"):
        open_recording(contradicting)
    climate = tmp_path / "climate.nc"
    with netcdf_file(climate, "w") as file:
        for axis, length in (("time", 20), ("lat", 5), ("lon", 6)):
            file.createDimension(axis, length)
        file.createVariable("t2m", "f4", ("time", "lat", "lon"))[:] = np.ones((20, 5, 6))
        file.createVariable("zonal", "f4", ("time", "lat"))[:] = np.ones((20, 5))
    with pytest.raises(UnknownLayout, match="t2m"):
        open_recording(climate)


def test_netcdf_with_64_bit_data_names_the_conversion(tmp_path):
    path = tmp_path / "fish.nc"
    path.write_bytes(b"CDF\x05" + bytes(64))
    with pytest.raises(FormatError, match="nccopy -k nc4"):
        open_recording(path)


def test_a_file_without_activity_names_what_it_has(tmp_path):
    path = tmp_path / "fish.nc"
    with netcdf_file(path, "w") as file:
        for axis, length in (("time", T), ("neuron", N)):
            file.createDimension(axis, length)
        file.createVariable("stimulus_mask", "f4", ("time", "neuron"))[:] = 0
    with pytest.raises(CRBMError, match="no activity over 'neuron' and 'time'; found 'stim"):
        open_recording(path)


def test_damaged_netcdf_3_ends_in_a_sentence(tmp_path):
    whole = tmp_path / "whole.nc"
    with netcdf_file(whole, "w", version=2) as file:
        for axis, length in (("time", T), ("neuron", N)):
            file.createDimension(axis, length)
        file.createVariable("dff", "f4", ("time", "neuron"))[:] = Truth.dff
    content = bytearray(whole.read_bytes())
    generator = np.random.default_rng(0)
    path = tmp_path / "damaged.nc"
    for _ in range(150):
        damaged = bytearray(content)
        for place in generator.integers(4, 200, 3):
            damaged[place] = generator.integers(256)
        path.write_bytes(damaged[: generator.integers(50, len(content))])
        try:
            open_recording(path)
        except CRBMError as error:
            assert "damaged.nc" in str(error)


@pytest.mark.filterwarnings("ignore::Warning:zarr.*", "ignore:The data type:Warning")
def test_text_that_would_be_unpickled_is_not_read(tmp_path):
    zarr = pytest.importorskip("zarr")
    numcodecs = pytest.importorskip("numcodecs")
    group = zarr.open_group(tmp_path / "fish.zarr", mode="w", zarr_format=2)
    for name, axes, values in (
        ("dff", ["time", "neuron"], Truth.dff),
        ("region", ["neuron"], Truth.regions),
    ):
        filters = [numcodecs.Pickle()] if name == "region" else None
        array = group.create_array(name, shape=values.shape, dtype=values.dtype, filters=filters)
        array.attrs["_ARRAY_DIMENSIONS"] = axes
        if name == "dff":
            array[:] = values
    with pytest.raises(FormatError, match="pickle"):
        open_recording(tmp_path / "fish.zarr", frame_rate_hz=4.0)


def test_scales_that_contradict_their_dataset_end_in_a_sentence(tmp_path):
    path = tmp_path / "fish.nc"
    with h5py.File(path, "w") as file:
        for name, n in (("time", T), ("neuron", N)):
            file[name] = np.arange(float(n))
            file[name].make_scale(name)
        file["dff"] = Truth.dff
        for axis, name in enumerate(("time", "neuron")):
            file["dff"].dims[axis].attach_scale(file[name])
        listed = file["dff"].attrs["DIMENSION_LIST"]
        del file["dff"]
        # As many scales as before, but one axis.
        file["dff"] = Truth.dff.ravel()
        file["dff"].attrs["DIMENSION_LIST"] = listed
    with pytest.raises(CRBMError, match=r"fish\.nc"):
        open_recording(path)
