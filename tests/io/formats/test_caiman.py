"""CaImAn's HDF5 files as ``cnm.save`` writes them, whole and broken."""

from __future__ import annotations

import h5py
import numpy as np
import pytest
from scipy import sparse

from napari_crbm.errors import CRBMError, FormatError, RecordingError
from napari_crbm.io import open_recording, read_kind, save_recording
from tests.io.files import planted_traces

pytestmark = pytest.mark.filterwarnings("ignore:CaImAn does not store:UserWarning")

N, T = 14, 300


def write(path, dims=(40, 60), *, accepted=None, change=lambda content: None, **chunks):
    """One result; returns the planted spikes, the centres and what was written."""
    generator = np.random.default_rng(1)
    spikes, clean, noise = planted_traces(N, T)
    centres = np.array([[generator.integers(4, length - 4) for length in dims] for _ in range(N)])
    footprints = np.zeros((N, *dims))
    for footprint, centre in zip(footprints, centres, strict=True):
        for axis in range(len(dims)):
            for step in (-1, 0, 1):
                place = centre.copy()
                place[axis] += step
                footprint[tuple(place)] = 2.0 - abs(step)
    flat = np.stack([footprint.ravel(order="F") for footprint in footprints], axis=1)
    matrix = sparse.csc_matrix(flat)
    content = {
        "dims": np.array(dims),
        "estimates/A/data": matrix.data,
        "estimates/A/indices": matrix.indices,
        "estimates/A/indptr": matrix.indptr,
        "estimates/A/shape": np.array(matrix.shape),
        "estimates/C": clean,
        "estimates/YrA": noise,
        "estimates/S": np.where(spikes, 30.0, 0.0),
        "estimates/F_dff": (clean + noise) / 50,
        "estimates/idx_components": b"NoneType" if accepted is None else np.array(accepted),
        "params/data/fr": 3.9,
        "params/data/dxy": np.array([0.5, 0.5]),
    }
    change(content)
    with h5py.File(path, "w") as file:
        for name, values in content.items():
            file.create_dataset(name, data=values, **(chunks if np.ndim(values) == 2 else {}))
    return spikes, centres, content


def test_components_are_read(tmp_path):
    path = tmp_path / "fish.hdf5"
    spikes, centres, content = write(path)
    recording = open_recording(path)
    assert read_kind(path) == "caiman-recording"
    np.testing.assert_array_equal(recording.spikes.dense().T, spikes)
    np.testing.assert_allclose(recording.coordinates[:, 1:], 0.5 * centres, rtol=1e-6)
    np.testing.assert_allclose(recording.coordinates[:, 0], 0)
    np.testing.assert_allclose(np.diff(recording.times), 1 / 3.9)
    dff = content["estimates/F_dff"]
    np.testing.assert_allclose(recording.fluorescence.trace(3), dff[3], rtol=1e-6)
    np.testing.assert_allclose(recording.fluorescence.frames(5, 9), dff[:, 5:9].T, rtol=1e-6)
    save_recording(recording, tmp_path / "ours.h5")
    assert open_recording(tmp_path / "ours.h5").fingerprint == recording.fingerprint
    sized = open_recording(path, um_per_pixel=2.0, frame_rate_hz=5.0)
    np.testing.assert_allclose(sized.coordinates[:, 1:], 2.0 * centres, rtol=1e-6)
    assert sized.frame_interval_s == pytest.approx(0.2)


def test_volumes_and_accepted_components(tmp_path):
    accepted = [0, 2, 3, 9, 13]
    path = tmp_path / "fish.hdf5"
    spikes, centres, content = write(path, (20, 30, 10), accepted=accepted)
    recording = open_recording(path, plane_spacing_um=8.0, flip_z=False)
    np.testing.assert_array_equal(recording.spikes.dense().T, spikes[accepted])
    wanted = centres[accepted][:, [2, 0, 1]] * [8.0, 0.5, 0.5]
    np.testing.assert_allclose(recording.coordinates, wanted, rtol=1e-6)
    dff = content["estimates/F_dff"][accepted]
    np.testing.assert_allclose(recording.fluorescence.trace(-1), dff[-1], rtol=1e-6)
    blocks = np.concatenate(list(recording.fluorescence.neuron_blocks()), axis=1)
    np.testing.assert_allclose(blocks, dff.T, rtol=1e-6)
    turned = open_recording(path, plane_spacing_um=8.0, flip_z=True)
    np.testing.assert_allclose(turned.coordinates[:, 0], wanted[:, 0].max() - wanted[:, 0])


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update({n: c[n].T for n in c if np.shape(c[n]) == (N, T)}),
        lambda c: c.update({n: c[n].astype(">f4") for n in c if np.shape(c[n]) == (N, T)}),
        lambda c: c.update({"estimates/dims": c.pop("dims")}),
        lambda c: c.update({n.removeprefix("estimates/"): c.pop(n) for n in list(c)}),
        lambda c: c.update({"estimates/idx_components": np.arange(N)[::-1]}),
        lambda c: c.pop("estimates/F_dff"),
    ],
    ids=["transposed", "big-endian", "dims in estimates", "old version", "reversed", "no dF/F"],
)
def test_other_variants_read_the_same(tmp_path, change):
    path = tmp_path / "fish.hdf5"
    spikes, centres, _ = write(path, change=change, compression="gzip", chunks=True)
    recording = open_recording(path)
    np.testing.assert_array_equal(recording.spikes.dense().T, spikes)
    np.testing.assert_allclose(recording.coordinates[:, 1:], 0.5 * centres, rtol=1e-6)
    assert recording.fluorescence.trace(0).shape == (T,)


@pytest.mark.parametrize("name", ["YrA", "S", "F_dff"])
def test_arrays_without_a_shape_are_absent(tmp_path, name):
    path = tmp_path / "a.hdf5"
    write(path)
    with h5py.File(path, "r+") as file:
        if name in file["estimates"]:
            del file[f"estimates/{name}"]
        file[f"estimates/{name}"] = h5py.Empty("f4")
    assert open_recording(path).n_neurons > 0


def test_without_deconvolution_rises_count(tmp_path):
    for left_out in ("S", "YrA"):
        path = tmp_path / f"{left_out}.hdf5"
        spikes, _, _ = write(path, change=lambda c, name=left_out: c.pop(f"estimates/{name}"))
        found = open_recording(path, binarise=5.0).spikes.dense().T.astype(bool)
        assert (found & spikes).sum() > 0.8 * found.sum() > 0
        assert found.sum() > 0.5 * spikes.sum()


def test_what_is_wrong_is_named(tmp_path):
    path = tmp_path / "fish.hdf5"
    cases = (
        (lambda c: c.pop("dims"), "size of its images"),
        (lambda c: c.update({"dims": np.array([40, 61])}), "different runs"),
        (lambda c: c.update({"dims": np.array([40, np.nan])}), "whole numbers; found 40, nan"),
        (lambda c: c.update({"estimates/A/shape": np.array([np.inf, 3])}), "found inf, 3: it is"),
        (lambda c: c.update({"dims": np.array([-40, 60])}), "two or three lengths"),
        (lambda c: c.pop("estimates/A/indices"), "lacks the dataset '/estimates/A/indices'"),
        (lambda c: c["estimates/A/indptr"].__setitem__(-1, 3), "contradicts itself"),
        (lambda c: c["estimates/A/indices"].__setitem__(0, 10**6), "outside the image"),
        (lambda c: c["estimates/A/data"].__setitem__(slice(0, 5), 0.0), "empty footprint"),
        (lambda c: c.update({"estimates/C": c["estimates/C"][:-1]}), "'estimates/C' has shape"),
        (lambda c: c.update({"estimates/S": c["estimates/S"][:, :-1]}), "different runs"),
        (lambda c: c.update({"estimates/idx_components": np.array([], int)}), "was accepted"),
        (lambda c: c.update({"estimates/idx_components": np.array([99])}), "there are 14"),
        (lambda c: c.update({"estimates/C": np.full((N, T), np.nan)}), None),
    )
    for change, message in cases:
        write(path, change=change)
        if message is None:
            with pytest.warns(UserWarning, match="active in 0 %"):
                open_recording(path)
            continue
        with pytest.raises(CRBMError, match=message):
            open_recording(path)
    write(path)
    with pytest.raises(RecordingError, match="binarise must be a positive number; found"):
        open_recording(path, binarise=-1.0)
    with pytest.raises(RecordingError, match="neurons_first=False"):
        open_recording(path, neurons_first=False)


def test_links_to_other_files(tmp_path):
    path, other = tmp_path / "fish.hdf5", tmp_path / "other.hdf5"
    spikes, _, _ = write(other)
    with h5py.File(path, "w") as file, h5py.File(other) as source:
        for name in ("dims", "params"):
            source.copy(name, file)
        file["estimates"] = h5py.ExternalLink("other.hdf5", "estimates")
    recording = open_recording(path)
    np.testing.assert_array_equal(recording.spikes.dense().T, spikes)
    assert recording.fluorescence.trace(2).shape == (T,)
    with h5py.File(path, "a") as file:
        del file["dims"]
        file["dims"] = h5py.ExternalLink("gone.hdf5", "dims")
        del file["estimates"]
        with h5py.File(other) as source:
            source.copy("estimates", file)
        del file["estimates/A/data"]
        file["estimates/A/data"] = h5py.ExternalLink("gone.hdf5", "data")
        file["estimates/dims"] = [40, 60]
    with pytest.raises(FormatError, match=r"another file, 'gone.hdf5'"):
        open_recording(path)
