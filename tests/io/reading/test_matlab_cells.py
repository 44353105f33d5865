"""Cell arrays and structure arrays of MATLAB 7.3, which are references in HDF5."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from napari_crbm.errors import CRBMError, UnknownLayout
from napari_crbm.io import open_recording
from napari_crbm.io.reading.sources import list_entries, opened
from napari_crbm.io.unknown.guess import guess

N = 12
GENERATOR = np.random.default_rng(3)
LISTS = [np.sort(GENERATOR.uniform(0, 60, 20 + 3 * k)) for k in range(N)]
XYZ = GENERATOR.uniform(0, 300, (N, 3))
# One bin of 50 ms a spike; neighbours may share one.
RATE_S = 0.05


class MatFile:
    """A file as MATLAB lays it out: elements in ``#refs#``, axes reversed."""

    def __init__(self, path) -> None:
        self.file = h5py.File(path, "w", userblock_size=512)
        self.refs = self.file.create_group("#refs#")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        name = self.file.filename
        self.file.close()
        with open(name, "r+b") as file:  # noqa: PTH123
            file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")

    def element(self, values):
        name = f"e{len(self.refs)}"
        if isinstance(values, dict):
            group = self.refs.create_group(name)
            group.attrs["MATLAB_class"] = np.bytes_("struct")
            for field, inside in values.items():
                self.dataset(group, field, inside)
            return group.ref
        return self.dataset(self.refs, name, values).ref

    def dataset(self, parent, name, values):
        if isinstance(values, str):
            codes = np.array([[ord(letter)] for letter in values], "u2")
            stored = parent.create_dataset(name, data=codes)
            stored.attrs["MATLAB_class"] = np.bytes_("char")
        elif np.size(values) == 0:
            # An empty array is stored as its shape.
            stored = parent.create_dataset(name, data=np.zeros(2, "u8"))
            stored.attrs["MATLAB_class"] = np.bytes_("double")
            stored.attrs["MATLAB_empty"] = np.uint8(1)
        else:
            stored = parent.create_dataset(name, data=np.atleast_2d(values))
            stored.attrs["MATLAB_class"] = np.bytes_("double")
        return stored

    def cells(self, parent, name, items, kind="cell"):
        references = np.array([[self.element(item)] for item in items], h5py.ref_dtype)
        stored = parent.create_dataset(name, data=references, dtype=h5py.ref_dtype)
        if kind == "cell":
            stored.attrs["MATLAB_class"] = np.bytes_("cell")
        return stored

    def structs(self, name, fields):
        group = self.file.create_group(name)
        group.attrs["MATLAB_class"] = np.bytes_("struct")
        for field, items in fields.items():
            self.cells(group, field, items, kind="field")


def cell_of_lists(path, lists=LISTS):
    with MatFile(path) as mat:
        mat.cells(mat.file, "spikes", lists)
        mat.dataset(mat.file, "coords", XYZ.T)


def struct_array(path, lists=LISTS):
    with MatFile(path) as mat:
        mat.structs("units", {"spike_times": lists, "id": list(np.arange(1.0, N + 1))})
        mat.dataset(mat.file, "xyz", XYZ.T)


def cell_of_structs(path, lists=LISTS):
    with MatFile(path) as mat:
        mat.cells(mat.file, "units", [{"spike_times": each, "depth": 1.0} for each in lists])
        mat.dataset(mat.file, "xyz", XYZ.T)


@pytest.mark.parametrize("form", [cell_of_lists, struct_array, cell_of_structs])
@pytest.mark.parametrize("silent", [False, True])
def test_spike_times_one_cell_a_neuron(tmp_path, form, silent):
    lists = [np.zeros(0) if silent and k == 4 else each for k, each in enumerate(LISTS)]
    path = tmp_path / "fish.mat"
    form(path, lists)
    with pytest.warns(UserWarning, match="50 ms"):
        recording = open_recording(path)
    assert recording.n_neurons == N
    start = recording.times[0] - RATE_S / 2
    for neuron, each in enumerate(lists):
        bins = np.unique(((each - start) / RATE_S).astype(int))
        np.testing.assert_array_equal(np.flatnonzero(recording.spikes.trace(neuron)), bins)
    np.testing.assert_allclose(recording.coordinates, XYZ[:, ::-1], rtol=1e-6)


def test_traces_one_cell_a_neuron_and_names_are_guessed(tmp_path):
    path = tmp_path / "fish.mat"
    traces = np.cumsum(GENERATOR.normal(size=(N, 300)), axis=1)
    with MatFile(path) as mat:
        fields = {
            "dff": list(traces),
            "position": list(XYZ),
            "region": ["tectum" if k % 2 else "pallium" for k in range(N)],
        }
        mat.structs("neurons", fields)
    shapes = {entry.name: (entry.shape, entry.text) for entry in list_entries(path)}
    assert shapes["neurons/dff"] == ((N, 300), False)
    assert shapes["neurons/region"] == ((N,), True)
    with pytest.raises(UnknownLayout):
        open_recording(path)
    profile = guess(path).profile
    assert (profile.activity, profile.positions) == ("neurons/dff", ("neurons/position",))
    assert profile.neurons_first and profile.labels == "neurons/region"
    recording = open_recording(path, profile=profile, frame_rate_hz=4.0)
    np.testing.assert_allclose(recording.fluorescence.trace(7), traces[7], rtol=1e-6)
    assert recording.regions.names == ("pallium", "tectum")
    order = ["zyx".index(axis) for axis in profile.axes]
    np.testing.assert_allclose(recording.coordinates[:, order], XYZ, rtol=1e-5)


def test_many_cells_are_not_called_damaged(tmp_path):
    n_cells = 10_000
    path = tmp_path / "fish.mat"
    lists = [[0.01 * k, 0.01 * k + 5.05] for k in range(n_cells)]
    with MatFile(path) as mat:
        mat.cells(mat.file, "spike_times", [*lists[:-1], [1.5]])
    assert open_recording(path, bin_s=0.1).n_neurons == n_cells


def test_cells_that_do_not_fit_together_are_passed_over(tmp_path):
    path = tmp_path / "fish.mat"
    with MatFile(path) as mat:
        mat.cells(mat.file, "mixed", [np.arange(3.0), "text", {"a": 1.0}])
        mat.dataset(mat.file, "x", np.arange(4.0))
        empty = mat.file.create_dataset("null", shape=(2, 1), dtype=h5py.ref_dtype)
        empty.attrs["MATLAB_class"] = np.bytes_("cell")
    with opened(path) as arrays:
        assert set(arrays) == {"x"}
    with pytest.raises(CRBMError, match=r"fish\.mat"):
        open_recording(path)
