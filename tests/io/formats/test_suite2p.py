"""Suite2p folders as Suite2p writes them, complete and broken."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_crbm.errors import CRBMError, FormatError, RecordingError
from napari_crbm.io import open_recording, read_kind, save_recording

pytestmark = pytest.mark.filterwarnings("ignore:Suite2p does not store:UserWarning")


def write_plane(
    folder: Path, n_cells=12, n_frames=200, seed=0, **left_out
) -> dict[str, np.ndarray]:
    """One plane with planted spikes; returns what was written."""
    generator = np.random.default_rng(seed)
    spikes = generator.random((n_cells, n_frames)) < 0.05
    neuropil = generator.normal(20, 1, (n_cells, n_frames)).astype(np.float32)
    clean = np.apply_along_axis(np.convolve, 1, 30.0 * spikes, 0.8 ** np.arange(20))[:, :n_frames]
    traces = 100 + clean + 0.7 * neuropil + generator.normal(0, 1, clean.shape)
    stat = np.empty(n_cells, dtype=object)
    for cell in range(n_cells):
        y, x = generator.integers(10, 500, 2)
        stat[cell] = {
            "med": [int(y), int(x)],
            "ypix": np.array([y - 1, y, y + 1]),
            "xpix": np.array([x, x, x]),
            "lam": np.ones(3, np.float32),
        }
    iscell = np.column_stack([np.arange(n_cells) % 4 != 0, np.full(n_cells, 0.9)])
    content = {
        "F": traces.astype(np.float32),
        "Fneu": neuropil,
        "spks": np.where(spikes, 30, 0).astype(np.float32),
        "iscell": iscell,
        "stat": stat,
        "ops": np.array({"fs": 3.9, "nplanes": 2, "path": folder}, dtype=object),
    }
    folder.mkdir(parents=True)
    for name, values in content.items():
        if name not in left_out:
            np.save(folder / f"{name}.npy", values, allow_pickle=True)
    return content | {"spikes": spikes}


def test_all_planes_are_read_in_micrometres(tmp_path):
    planes = [
        write_plane(tmp_path / "fish" / "suite2p" / f"plane{k}", 12, 200 - k, seed=k)
        for k in range(2)
    ]
    write_plane(tmp_path / "fish" / "suite2p" / "combined")
    for path in (tmp_path / "fish", tmp_path / "fish" / "suite2p"):
        assert read_kind(path) == "suite2p-recording"
        recording = open_recording(path, um_per_pixel=0.5, plane_spacing_um=8.0)
        kept = [plane["iscell"][:, 0] == 1 for plane in planes]
        assert recording.name == "fish"
        assert recording.spikes.shape == (199, sum(k.sum() for k in kept))
        yx = np.concatenate(
            [[cell["med"] for cell in p["stat"][k]] for p, k in zip(planes, kept, strict=True)]
        )
        np.testing.assert_allclose(recording.coordinates[:, 1:], 0.5 * yx)
        np.testing.assert_allclose(
            recording.coordinates[:, 0], np.repeat([0.0, 8.0], [k.sum() for k in kept])
        )
        truth = np.concatenate([p["spikes"][k, :199] for p, k in zip(planes, kept, strict=True)])
        np.testing.assert_array_equal(recording.spikes.dense().T, truth)
        np.testing.assert_allclose(np.diff(recording.times), 1 / 3.9)


def test_fluorescence_is_corrected_and_survives_saving(tmp_path):
    content = write_plane(tmp_path / "plane0")
    recording = open_recording(tmp_path / "plane0" / "stat.npy")
    kept = content["iscell"][:, 0] == 1
    corrected = (content["F"] - 0.7 * content["Fneu"])[kept]
    wanted = corrected - np.median(corrected, axis=1, keepdims=True)
    wanted /= np.median(content["F"][kept], axis=1, keepdims=True)
    fluorescence = recording.fluorescence
    np.testing.assert_allclose(fluorescence.frames(0, 200), wanted.T, atol=1e-5)
    np.testing.assert_allclose(fluorescence.trace(3), wanted[3], atol=1e-5)
    np.testing.assert_allclose(
        np.concatenate(list(fluorescence.neuron_blocks()), axis=1), wanted.T, atol=1e-5
    )
    some = fluorescence.select_neurons(np.array([1, 4]))
    np.testing.assert_allclose(some.trace(1), wanted[4], atol=1e-5)
    save_recording(recording, tmp_path / "ours.h5")
    again = open_recording(tmp_path / "ours.h5")
    assert again.fingerprint == recording.fingerprint
    np.testing.assert_allclose(again.fluorescence.trace(2), wanted[2], atol=1e-3)


def test_without_optional_files(tmp_path):
    content = write_plane(tmp_path / "a", iscell=0, ops=0, spks=0, Fneu=0)
    with pytest.warns(UserWarning, match="frame rate"):
        recording = open_recording(tmp_path / "a", binarise=5.0)
    assert recording.n_neurons == 12
    found, truth = recording.spikes.dense().T.astype(bool), content["spikes"]
    assert (found & truth).sum() > 0.8 * found.sum() > 0
    assert open_recording(tmp_path / "a", frame_rate_hz=5.0).frame_interval_s == pytest.approx(0.2)


def test_contradictions_are_named(tmp_path):
    content = write_plane(tmp_path / "p")
    cases = {
        "F.npy": (content["F"][0], "must hold numbers of shape"),
        "spks.npy": (content["spks"][:, :-1], "belong to different runs"),
        "iscell.npy": (np.zeros((12, 2)), "No cell was kept"),
        "stat.npy": (content["stat"][:-1], "describes 11 cells"),
    }
    for name, (values, message) in cases.items():
        original = (tmp_path / "p" / name).read_bytes()
        np.save(tmp_path / "p" / name, values, allow_pickle=True)
        with pytest.raises(CRBMError, match=message):
            open_recording(tmp_path / "p")
        (tmp_path / "p" / name).write_bytes(original)
    stat = content["stat"].copy()
    stat[5] = {"npix": 3}
    np.save(tmp_path / "p" / "stat.npy", stat, allow_pickle=True)
    with pytest.raises(RecordingError, match="no position"):
        open_recording(tmp_path / "p")
    np.save(tmp_path / "p" / "stat.npy", content["stat"], allow_pickle=True)
    with pytest.raises(RecordingError, match="um_per_pixel must be a positive number"):
        open_recording(tmp_path / "p", um_per_pixel=-1)


def test_other_ways_to_store_read_the_same(tmp_path):
    content = write_plane(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    for name, change in (
        ("F", lambda values: values.astype(">f8")),
        ("Fneu", np.asfortranarray),
        ("spks", lambda values: np.asfortranarray(values.astype(">f4"))),
        ("iscell", lambda values: values.astype(">f4")),
    ):
        np.save(tmp_path / "b" / f"{name}.npy", change(content[name]))
    one, other = (open_recording(tmp_path / name) for name in "ab")
    assert one.fingerprint == other.fingerprint
    np.testing.assert_allclose(one.fluorescence.trace(3), other.fluorescence.trace(3), rtol=1e-4)


def test_what_another_program_did_to_a_file_is_named(tmp_path):
    content = write_plane(tmp_path / "p")
    for name, change, message in (
        ("F", lambda path: np.save(path, content["F"].T), r"p/Fneu\.npy has shape"),
        ("F", lambda path: path.write_bytes(b""), r"p/F\.npy cannot be read"),
        ("F", lambda path: np.save(path, content["F"][:, :0]), "has shape"),
        ("spks", lambda path: np.save(path, content["spks"] * 1j), "must hold numbers"),
        ("stat", lambda path: path.write_bytes(b""), r"stat\.npy is not a NumPy file"),
        ("stat", lambda path: np.save(path, np.zeros((12, 2))), "must hold a table of cells"),
    ):
        path = tmp_path / "p" / f"{name}.npy"
        kept = path.read_bytes()
        change(path)
        with pytest.raises(CRBMError, match=message):
            open_recording(tmp_path / "p")
        path.write_bytes(kept)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(FormatError, match="folder"):
        open_recording(tmp_path)


def test_mutated_files_end_in_our_errors(tmp_path):
    write_plane(tmp_path / "p", 6, 40)
    generator = np.random.default_rng(3)
    files = sorted((tmp_path / "p").iterdir())
    for _ in range(400):
        path = files[generator.integers(len(files))]
        original = path.read_bytes()
        data = bytearray(original)
        for _ in range(generator.integers(1, 5)):
            data[generator.integers(min(len(data), 400))] = generator.integers(256)
        cut = generator.integers(1, len(data)) if generator.random() < 0.3 else len(data)
        path.write_bytes(data[:cut])
        with contextlib.suppress(CRBMError):
            open_recording(tmp_path / "p", frame_rate_hz=1.0)
        path.write_bytes(original)


def plane_files(folder, **changed):
    content = write_plane(folder)
    for name, values in changed.items():
        np.save(folder / f"{name}.npy", np.array(values, dtype=object), allow_pickle=True)
    return content


def test_depth_is_the_number_of_the_plane(tmp_path):
    for number in (0, 2, 10):
        write_plane(tmp_path / "suite2p" / f"plane{number}", seed=number)
    with pytest.warns(UserWarning, match="no folder plane1, plane3, .* depths are those"):
        opened = open_recording(tmp_path, plane_spacing_um=8.0)
    assert list(np.unique(opened.coordinates[:, 0])) == [0, 16, 80]
    assert opened.provenance[0].parameters["cells_rejected"] == 9


def test_planes_without_cells_are_left_out(tmp_path):
    write_plane(tmp_path / "suite2p" / "plane0")
    write_plane(tmp_path / "suite2p" / "plane2", seed=1)
    empty = tmp_path / "suite2p" / "plane1"
    write_plane(empty, n_cells=1)
    for name in ("F", "Fneu", "spks"):
        np.save(empty / f"{name}.npy", np.zeros((0, 200), np.float32))
    np.save(empty / "iscell.npy", np.zeros((0, 2)))
    np.save(empty / "stat.npy", np.empty(0, dtype=object), allow_pickle=True)
    with pytest.warns(UserWarning, match="Planes without any cell are left out: plane1"):
        opened = open_recording(tmp_path)
    assert opened.provenance[0].parameters["planes"] == ["plane0", "plane2"]
    assert opened.n_neurons == 18
    with pytest.raises(RecordingError, match="no cell in any plane"):
        open_recording(empty)


@pytest.mark.parametrize("where", ["ops", "reg_outputs"])
def test_bad_frames_are_left_out_and_make_a_segment(tmp_path, where):
    bad = np.zeros(200, bool)
    bad[50:70] = True
    ops = {"fs": 4.0, "badframes": bad}
    folder = tmp_path / "suite2p" / "plane0"
    plane_files(folder)
    whole = open_recording(folder)
    if where == "ops":
        np.save(folder / "ops.npy", np.array(ops, dtype=object), allow_pickle=True)
    else:
        np.save(folder / "ops.npy", np.array({"fs": 4.0}, dtype=object), allow_pickle=True)
        np.save(folder / "reg_outputs.npy", np.array(ops, dtype=object), allow_pickle=True)
    with pytest.warns(UserWarning, match="20 of 200 frames are marked as bad"):
        opened = open_recording(folder)
    assert opened.n_frames == 180 and opened.segments == ((0, 50), (50, 180))
    assert opened.times[50] == 17.5
    assert opened.provenance[-1].parameters == {"count": 20, "of": 200}
    np.testing.assert_array_equal(opened.spikes.dense(), whole.spikes.dense()[~bad])
    np.testing.assert_array_equal(opened.fluorescence.trace(2), whole.fluorescence.trace(2)[~bad])


def test_settings_of_version_1(tmp_path):
    settings = {"fs": 3.0, "extraction": {"neuropil_coefficient": 0.25}}
    folder = tmp_path / "plane0"
    content = plane_files(folder, settings=settings)
    (folder / "ops.npy").unlink()
    opened = open_recording(folder)
    assert opened.frame_interval_s == pytest.approx(1 / 3)
    kept = np.flatnonzero(content["iscell"][:, 0])
    corrected = content["F"][kept[0]] - np.float32(0.25) * content["Fneu"][kept[0]]
    level = np.median(corrected)
    shown = opened.fluorescence.trace(0) * np.median(content["F"][kept[0]])
    np.testing.assert_allclose(shown, corrected - level, rtol=1e-3, atol=1e-3)


def test_planes_that_do_not_belong_together(tmp_path):
    for number, (n_frames, rate) in enumerate([(200, 3.9), (190, 3.9), (200, 2.0)]):
        folder = tmp_path / "suite2p" / f"plane{number}"
        write_plane(folder, n_frames=n_frames, seed=number)
        np.save(folder / "ops.npy", np.array({"fs": rate}, dtype=object), allow_pickle=True)
    with pytest.raises(RecordingError, match=r"frame rates from 2 to 3\.9 Hz"):
        open_recording(tmp_path)
    shutil.rmtree(tmp_path / "suite2p" / "plane2")
    with pytest.warns(UserWarning, match="190 to 200 frames: the first 190"):
        assert open_recording(tmp_path).n_frames == 190


def test_the_mosaic_is_not_read_as_positions(tmp_path):
    write_plane(tmp_path / "suite2p" / "combined")
    with pytest.raises(RecordingError, match="tiles of one picture"):
        open_recording(tmp_path / "suite2p" / "combined")


@pytest.mark.parametrize("med", [True, False])
def test_the_export_for_matlab(tmp_path, med):
    from scipy.io import savemat

    folder = tmp_path / "fish" / "suite2p" / "plane0"
    content = write_plane(folder)
    wanted = open_recording(folder)
    cells = np.empty(len(content["stat"]), dtype=object)
    for number, cell in enumerate(content["stat"]):
        cells[number] = cell if med else {k: v for k, v in cell.items() if k != "med"}
    arrays = {name: content[name] for name in ("F", "Fneu", "spks", "iscell")}
    path = tmp_path / "fish" / "Fall.mat"
    savemat(path, arrays | {"stat": cells, "ops": {"fs": 3.9, "neucoeff": 0.7}})
    assert read_kind(path) == "suite2p-matlab-recording"
    opened = open_recording(path)
    assert opened.spikes == wanted.spikes and opened.name == "fish"
    np.testing.assert_array_equal(opened.coordinates, wanted.coordinates)
    np.testing.assert_array_equal(opened.times, wanted.times)
    np.testing.assert_allclose(opened.fluorescence.trace(3), wanted.fluorescence.trace(3), 1e-5)
    savemat(path, {"something": np.zeros((3, 3))})
    with pytest.raises(RecordingError, match="must hold 'F'"):
        open_recording(path)


@pytest.mark.parametrize("mesoscope", [False, True])
def test_fields_of_a_mesoscope_lie_side_by_side(tmp_path, mesoscope):
    found = []
    for number in range(4):
        folder = tmp_path / "suite2p" / f"plane{number}"
        content = write_plane(folder, seed=number)
        # Two fields in each of two planes; Suite2p numbers planes and fields together.
        ops = {"fs": 3.9, "nrois": 2, "dy": 100 * (number % 2), "dx": 600 * (number % 2)}
        if mesoscope:
            ops["lines"] = np.arange(5)
        np.save(folder / "ops.npy", np.array(ops, dtype=object), allow_pickle=True)
        yx = np.array([cell["med"] for cell in content["stat"][content["iscell"][:, 0] == 1]])
        depth = number // 2 if mesoscope else number
        shift = np.array([100, 600]) * (number % 2 if mesoscope else 0)
        found.append(np.column_stack([np.full(len(yx), 20.0 * depth), yx + shift]))
    recording = open_recording(tmp_path / "suite2p", um_per_pixel=1.0, plane_spacing_um=20.0)
    np.testing.assert_allclose(recording.coordinates, np.concatenate(found))
    assert ("fields" in recording.provenance[0].parameters) == mesoscope


def test_a_judgement_without_probability_is_read(tmp_path):
    content = write_plane(tmp_path / "plane0")
    expected = open_recording(tmp_path / "plane0")
    np.save(tmp_path / "plane0" / "iscell.npy", content["iscell"][:, 0])
    assert open_recording(tmp_path / "plane0").spikes == expected.spikes
