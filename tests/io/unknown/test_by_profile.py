"""Any layout through a profile: written with the format's own library, read back equal."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from scipy.io import savemat
from typer.testing import CliRunner

from napari_crbm.cli.app import app
from napari_crbm.errors import FormatError, RecordingError, UnknownLayout
from napari_crbm.io import Profile, load_profile, open_recording, read_kind, save_profile
from napari_crbm.io.reading.sources import container_of, list_entries, opened
from napari_crbm.io.unknown.guess import guess
from napari_crbm.io.unknown.profile_files import remember, remembered
from napari_crbm.io.unknown.profile_fit import matched, problem

zarr = pytest.importorskip("zarr")

pytestmark = pytest.mark.filterwarnings("ignore:The recording has no frame times:UserWarning")

CONTAINERS = ("h5", "npz", "compressed.npz", "mat", "zarr", "zarr2", "npy")


def write(folder: Path, container: str, arrays: dict[str, np.ndarray], chunks=None) -> Path:
    """Arrays under names that no reader knows; returns what to open."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"lab.{container}"
    if container == "h5":
        with h5py.File(path, "w") as file:
            for name, values in arrays.items():
                shape = chunks if chunks and values.ndim == 2 else None
                kept = shape and tuple(min(a, b) for a, b in zip(shape, values.shape, strict=True))
                file.create_dataset(f"session/{name}", data=values, chunks=kept)
    elif container.endswith("npz"):
        (np.savez_compressed if "compressed" in container else np.savez)(path, **arrays)
    elif container == "mat":
        savemat(path, {"session": arrays})
    elif container.startswith("zarr"):
        group = zarr.open_group(path, mode="w", zarr_format=2 if container == "zarr2" else 3)
        for name, values in arrays.items():
            group.create_array(f"session/{name}", data=values)
    else:
        for name, values in arrays.items():
            np.save(folder / f"{name}.npy", values)
        path = folder / f"{next(iter(arrays))}.npy"
    return path


def named(container: str, name: str) -> str:
    """A name as the container keeps it."""
    if container.endswith("npz"):
        return name
    return f"{name}.npy" if container == "npy" else f"session/{name}"


def content(n_frames: int, n_neurons: int, seed: int = 0):
    generator = np.random.default_rng(seed)
    spikes = generator.random((n_frames, n_neurons)) < 0.2
    return spikes, generator.random((n_neurons, 3)) * [500, 1000, 250]


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_was_written_comes_back(tmp_path_factory, data):
    draw = data.draw
    n_frames, n_neurons = draw(st.integers(2, 40)), draw(st.integers(1, 30))
    container = draw(st.sampled_from([name for name in CONTAINERS if name != "mat"]))
    dtype = draw(st.sampled_from(["?", "u1", "i2", "<f4", ">f8", ">i4"]))
    position_dtype = draw(st.sampled_from(["<f4", ">f8", "f2", "i4"]))
    neurons_first, axes_first = draw(st.booleans()), draw(st.booleans())
    axes = "".join(draw(st.permutations("xyz")))[: draw(st.integers(2, 3))]
    flip = "".join(draw(st.sets(st.sampled_from("xyz"))))
    unit = draw(st.sampled_from(["um", "mm", "pixel"]))
    sizes = {"um_per_pixel": 0.5, "plane_spacing_um": 4.0}
    fortran = draw(st.booleans())
    spikes, xyz = content(n_frames, n_neurons, draw(st.integers(0, 99)))
    xyz = np.round(xyz)
    stored = np.column_stack([xyz[:, "xyz".index(axis)] for axis in axes]).astype(position_dtype)
    activity = (spikes.T if neurons_first else spikes).astype(dtype)
    activity = np.asfortranarray(activity) if fortran else np.ascontiguousarray(activity)
    arrays = {
        "A": activity,
        "P": stored.T if axes_first else stored,
        "when": 3 + np.arange(n_frames) / 4.0,
        "speed": np.linspace(0, 1, n_frames)[:, None],
    }
    path = write(
        tmp_path_factory.mktemp("lab"), container, arrays, draw(st.sampled_from([None, (3, 4)]))
    )
    profile = Profile(
        positions=(named(container, "P"),),
        activity=named(container, "A"),
        neurons_first=neurons_first,
        axes_first=axes_first,
        axes=axes,
        flip=flip,
        unit=unit,
        times=named(container, "when"),
        traces=(named(container, "speed"),),
        **sizes,
    )
    recording = open_recording(path, profile=profile)
    np.testing.assert_array_equal(recording.spikes.dense(), spikes)
    scale = {"um": (1, 1, 1), "mm": (1e3,) * 3, "pixel": (0.5, 0.5, 4.0)}[unit]
    for k, axis in enumerate("xyz"):
        expected = np.zeros(n_neurons)
        if axis in axes:
            expected = stored[:, axes.index(axis)].astype(float)
            if axis in flip:
                expected = expected.max() + expected.min() - expected
        np.testing.assert_allclose(
            recording.coordinates[:, 2 - k], expected * scale[k], rtol=1e-6, atol=1e-4
        )
    np.testing.assert_array_equal(recording.times, arrays["when"])
    np.testing.assert_allclose(next(iter(recording.traces.values())), arrays["speed"].ravel())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_guesses_find_what_shapes_tell(tmp_path_factory, data):
    draw = data.draw
    n_frames, n_neurons = draw(st.integers(30, 80)), draw(st.integers(10, 60))
    assume(n_frames != n_neurons)
    container = draw(st.sampled_from([name for name in CONTAINERS if name != "mat"]))
    neurons_first, axes_first = draw(st.booleans()), draw(st.booleans())
    in_mm, fluorescent = draw(st.booleans()), draw(st.booleans())
    axes = draw(st.sampled_from(["xyz", "zyx", "yxz"]))
    spikes, xyz = content(n_frames, n_neurons, draw(st.integers(0, 99)))
    xyz[:2] = [[0, 0, 0], [500, 1000, 250]]
    values = spikes + np.random.default_rng(0).normal(size=spikes.shape) if fluorescent else spikes
    stored = np.column_stack([xyz[:, "xyz".index(axis)] for axis in axes]) / (1000 if in_mm else 1)
    arrays = {
        "signal": (values.T if neurons_first else values).astype("f4"),
        "where": stored.T if axes_first else stored,
        "fs": np.array([3.5]),
        "image": np.zeros((7, 8)),
    }
    path = write(tmp_path_factory.mktemp("lab"), container, arrays)
    found = guess(path).profile
    assert found.activity == named(container, "signal")
    assert found.positions == (named(container, "where"),)
    assert (found.neurons_first, found.axes_first) == (neurons_first, axes_first)
    assert found.axes == axes and found.unit == ("mm" if in_mm else "um")
    assert found.holds == ("fluorescence" if fluorescent else "spikes")
    assert found.frame_rate_hz == 3.5
    assert problem(found, list_entries(path)) is None


def test_a_square_recording_is_told_by_what_changes_slowly(tmp_path):
    generator = np.random.default_rng(0)
    traces = np.cumsum(generator.normal(size=(40, 40)), axis=0)
    for neurons_first in (False, True):
        stored = traces.T if neurons_first else traces
        path = write(
            tmp_path / str(neurons_first), "npz", {"a": stored, "p": generator.random((40, 3))}
        )
        assert guess(path).profile.neurons_first is neurons_first


@pytest.mark.parametrize("container", CONTAINERS)
def test_fluorescence_stays_in_the_file(tmp_path, container):
    generator = np.random.default_rng(0)
    traces = generator.normal(size=(200, 9)).astype("f4")
    traces[100] += 30
    path = write(tmp_path, container, {"F": traces.T, "P": generator.random((9, 2)) * 90})
    profile = guess(path).profile
    recording = open_recording(path, profile=profile, frame_rate_hz=4.0, binarise=6.0)
    assert recording.spikes.dense()[100].all() and recording.spikes.rate < 0.01
    assert recording.duration_s == 50
    np.testing.assert_array_equal(recording.fluorescence.trace(3), traces[:, 3])
    np.testing.assert_array_equal(recording.fluorescence.frames(5, 9), traces[5:9])
    np.testing.assert_array_equal(
        np.concatenate(list(recording.fluorescence.neuron_blocks()), axis=1), traces
    )


def test_rates_exceed_a_level(tmp_path):
    rates = np.maximum(np.random.default_rng(0).normal(size=(50, 6)), 0)
    path = write(tmp_path, "npz", {"S": rates, "P": np.random.default_rng(1).random((6, 3))})
    found = guess(path).profile
    assert found.holds == "rates"
    with pytest.warns(UserWarning, match="Neurons are active in"):
        recording = open_recording(path, profile=found, frame_rate_hz=1)
    np.testing.assert_array_equal(recording.spikes.dense(), rates > 0)


def test_files_no_reader_knows_say_what_to_do(tmp_path):
    spikes, xyz = content(50, 9)
    for container in ("h5", "zarr", "npy"):
        path = write(tmp_path / container, container, {"A": spikes.astype("u1"), "P": xyz})
        for call in (read_kind, open_recording):
            with pytest.raises(UnknownLayout, match=r"A.*P.*profile") as caught:
                call(path)
            assert "\n" not in str(caught.value)
    np.save(tmp_path / "alone.npy", np.zeros(3))
    with pytest.raises(FormatError, match="not a recording this program knows") as caught:
        read_kind(tmp_path / "alone.npy")
    assert not isinstance(caught.value, UnknownLayout)


def test_containers_are_told_by_content(tmp_path):
    (tmp_path / "text.h5").write_text("no")
    assert container_of(tmp_path / "text.h5") is None
    assert container_of(tmp_path) is None
    np.save(tmp_path / "a.npy", np.zeros((3, 3)))
    (tmp_path / "a.npy").rename(tmp_path / "a.dat")
    assert container_of(tmp_path / "a.dat") == "npy"


BASE = {"positions": ("P",), "activity": "A"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"activity": "nowhere"}, "no array 'nowhere' for the activity"),
        ({"activity": ""}, "Choose the array that holds the activity"),
        ({"activity": "name"}, "not numbers"),
        ({"activity": "when"}, "two axes"),
        ({"activity": "P"}, "cannot hold both"),
        ({"neurons_first": True}, "positions of 9 neurons, but activity of 50.*swapped"),
        ({"axes_first": True}, "9 coordinates a neuron"),
        ({"axes": "xy"}, r"3 coordinates a neuron, but 2 axes"),
        ({"positions": ("P", "P"), "axes": "xy"}, "positions of 27 neurons"),
        ({"positions": ("when", "P"), "axes": "xy"}, "differ in length"),
        ({"positions": ("when",)}, r"shape \(neurons, 2 or 3\)"),
        ({"times": "P"}, "one value for each of 50 frames"),
        ({"fluorescence": "P"}, "Fluorescence 'P' has shape"),
        ({"labels": "when"}, "one entry for each of 9 neurons"),
        ({"traces": ("P",)}, "one value for each of 50 frames"),
        ({"times": "backwards"}, "must increase"),
    ],
)
def test_choices_that_do_not_fit_are_explained(tmp_path, changes, message):
    spikes, xyz = content(50, 9)
    arrays = {
        "A": spikes,
        "P": xyz,
        "when": np.arange(50.0),
        "backwards": -np.arange(50.0),
        "name": np.array(["a"]),
    }
    path = write(tmp_path, "npz", arrays)
    with pytest.raises(RecordingError, match=message) as caught:
        open_recording(path, profile=Profile(**{**BASE, **changes}))
    assert str(caught.value).startswith(path.name) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"holds": "voltage"}, "not 'voltage'"),
        ({"unit": "inch"}, "not 'inch'"),
        ({"axes": "xx"}, "not 'xx'"),
        ({"flip": "q"}, "not 'q'"),
        ({"positions": ("a", "b", "c", "d")}, "in one array"),
        ({"positions": ("a", "b")}, "in 2 arrays"),
        ({"holds": "fluorescence", "threshold": 0.0}, "must be positive"),
        ({"threshold": math.nan}, "finite"),
        ({"um_per_pixel": 0.0}, "um_per_pixel must be positive"),
        ({"frame_rate_hz": math.inf}, "frame_rate_hz must be positive"),
    ],
)
def test_senseless_profiles_are_refused(changes, message):
    with pytest.raises(FormatError, match=message):
        Profile(**{**BASE, **changes})


def test_profiles_are_kept_and_found_again(tmp_path, monkeypatch):
    monkeypatch.setenv("NAPARI_CRBM_PROFILES", str(tmp_path / "profiles"))
    profile = Profile(
        positions=("fish1/P",), activity="fish1/A", neurons_first=True, name="Lab é/1", flip="z"
    )
    saved = save_profile(profile, tmp_path / "lab.json")
    assert load_profile(saved) == profile
    remember(profile)
    spikes, xyz = content(50, 9)
    path = tmp_path / "fish7.h5"
    with h5py.File(path, "w") as file:
        file["fish7/A"], file["fish7/P"] = spikes.T, xyz
    # The group has another name, its arrays have not.
    (found,) = remembered(list_entries(path), path)
    assert found == matched(profile, list_entries(path), path) and found.activity == "fish7/A"
    np.testing.assert_array_equal(
        open_recording(path, profile=saved).spikes.dense(),
        open_recording(path, profile=found).spikes.dense(),
    )
    with h5py.File(path, "r+") as file:
        file["fish8/A"] = spikes.T
    assert remembered(list_entries(path), path) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no json", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "lacks"),
        ('{"format": "napari-crbm profile", "version": 9}', "another version"),
        ('{"format": "napari-crbm profile", "version": 1}', "does not say"),
        (json.dumps({"a": 1}), "lacks"),
    ],
)
def test_files_that_are_no_profiles(tmp_path, text, message):
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(FormatError, match=message):
        load_profile(tmp_path / "a.json")
    content = {"format": "napari-crbm profile", "version": 1, "positions": "P", "activity": "A"}
    (tmp_path / "a.json").write_text(json.dumps(content | {"wrong": 1}))
    with pytest.raises(FormatError, match="unknown entry 'wrong'"):
        load_profile(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(json.dumps(content | {"flip": 1}))
    with pytest.raises(FormatError, match=r"'flip' of a\.json cannot be 1"):
        load_profile(tmp_path / "a.json")
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert load_profile(tmp_path / "a.json").positions == ("P",)


def test_links_are_not_followed_out_of_the_file(tmp_path):
    spikes, xyz = content(50, 9)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["secret"] = spikes
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["A"], file["P"] = spikes, xyz
        file["outside"] = h5py.ExternalLink("other.h5", "/secret")
        file["lost"] = h5py.SoftLink("/nowhere")
    assert [entry.name for entry in list_entries(tmp_path / "a.h5")] == ["A", "P"]


def test_big_endian_compressed_and_blosc(tmp_path):
    plugin = pytest.importorskip("hdf5plugin")
    spikes, xyz = content(60, 9)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("A", data=spikes.astype(">i4"), chunks=(7, 4), **plugin.Blosc())
        file.create_dataset("P", data=xyz.astype(">f8"), compression="gzip", shuffle=True)
    recording = open_recording(tmp_path / "a.h5", profile=Profile(**BASE), frame_rate_hz=1)
    np.testing.assert_array_equal(recording.spikes.dense(), spikes)


def test_zarr_codecs_that_could_run_code_are_refused(tmp_path):
    numcodecs = pytest.importorskip("numcodecs")
    group = zarr.open_group(tmp_path / "a.zarr", mode="w", zarr_format=2)
    spikes, xyz = content(50, 9)
    group.create_array("P", data=xyz)
    group.create_array("A", data=spikes.astype("u1"))
    meta = tmp_path / "a.zarr" / "A" / ".zarray"
    described = json.loads(meta.read_text())
    described["filters"] = [{"id": "shuffle", "elementsize": 1}, {"id": "pickle", "protocol": 5}]
    meta.write_text(json.dumps(described))
    assert numcodecs.get_codec({"id": "pickle"}) is not None
    with pytest.raises(FormatError, match=r"pickle|data type"):
        open_recording(tmp_path / "a.zarr", profile=Profile(**BASE))


def test_regions_from_numbers_and_from_members(tmp_path):
    spikes, xyz = content(50, 9)
    numbers = np.array([0, 1, 1, 2, 2, 2, -1, 0, 1])
    members = numbers[None, :] == np.array([1, 2, 7])[:, None]
    path = write(tmp_path, "npz", {"A": spikes, "P": xyz, "n": numbers, "m": members.astype("u1")})
    for labels, names in (("n", ("region 1", "region 2")), ("m", ("region 0", "region 1"))):
        profile = Profile(**BASE, labels=labels)
        recording = open_recording(path, profile=profile)
        assert recording.regions.names == names
        assert recording.regions.members(names[1]).tolist() == [3, 4, 5]
        assert open_recording(path, profile=profile, keep_unlabelled=False).n_neurons == 6


def test_opening_can_be_followed_and_cancelled(tmp_path, monkeypatch):
    from napari_crbm.model import Control
    from napari_crbm.preprocessing import PreprocessingStopped

    monkeypatch.setattr("napari_crbm.preprocessing.streaming._BLOCK_VALUES", 400)
    traces = np.random.default_rng(0).normal(size=(200, 9))
    path = write(tmp_path, "h5", {"F": traces, "P": np.random.default_rng(0).random((9, 3))})
    told, control = [], Control()
    profile = guess(path).profile
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        open_recording(path, profile=profile, progress=lambda *now: told.append(now))
    assert told == [(2, 9), (4, 9), (6, 9), (8, 9), (9, 9)]
    control.stop()
    with pytest.raises(PreprocessingStopped):
        open_recording(path, profile=profile, control=control)


def test_npz_members_are_mapped_not_loaded(tmp_path):
    values = np.arange(24.0).reshape(4, 6)
    np.savez(tmp_path / "a.npz", a=values, b=np.asfortranarray(values))
    with opened(tmp_path / "a.npz") as arrays:
        for name in ("a", "b"):
            assert isinstance(arrays[name][1:3], np.memmap)
            np.testing.assert_array_equal(arrays[name][1:3], values[1:3])


def test_command(tmp_path):
    spikes, xyz = content(50, 9)
    path = write(tmp_path, "h5", {"A": spikes.astype("u1"), "P": xyz})
    lab, out = tmp_path / "lab.json", tmp_path / "out.h5"
    run = CliRunner().invoke
    shown = run(app, ["info", str(path), "--tree", "--save-profile", str(lab)])
    assert shown.exit_code == 0 and "50 x 9" in shown.output and "session/A" in shown.output
    as_json = json.loads(run(app, ["info", str(path), "--tree", "--json"]).stdout)
    assert as_json["problem"] is None and as_json["profile"]["activity"] == "session/A"
    converted = run(app, ["convert", str(path), str(out), "--profile", str(lab)])
    assert converted.exit_code == 0, converted.output
    np.testing.assert_array_equal(open_recording(out).spikes.dense(), spikes)
    step = next(s for s in open_recording(out).provenance if s.name == "open with a profile")
    assert Profile.from_dict(step.parameters["profile"]) == load_profile(lab)


def test_a_npy_file_that_is_named_is_the_one_that_is_read(tmp_path):
    generator = np.random.default_rng(0)
    np.save(tmp_path / "positions.npy", generator.random((30, 3)) * 200)
    np.save(tmp_path / "spikes.npy", generator.random((400, 30)) < 0.1)
    for name, frames in (("traces", 400), ("fish2", 300)):
        np.save(tmp_path / f"{name}.npy", generator.normal(size=(frames, 30)))
    for name, n_frames in (("traces", 400), ("spikes", 400), ("fish2", 300)):
        path = tmp_path / f"{name}.npy"
        profile = guess(path).profile
        assert profile.activity == path.name and profile.positions == ("positions.npy",)
        kept = save_profile(profile, tmp_path / "lab.json")
        # A profile made for one of them does not lead to its neighbour either.
        for other, others_frames in (("traces", 400), ("fish2", 300)):
            if name != "spikes":
                read = open_recording(tmp_path / f"{other}.npy", profile=kept)
                assert read.n_frames == others_frames
        assert open_recording(path, profile=kept).n_frames == n_frames
    # Positions are no activity, and what lies beside them was not named.
    assert guess(tmp_path / "positions.npy").profile.activity == ""
    assert guess(tmp_path).profile.activity == "spikes.npy"


def test_the_working_folder_has_a_name_too(tmp_path, monkeypatch):
    folder = tmp_path / "fish"
    write(folder, "npy", {"A": content(50, 9)[0].astype("f4"), "P": content(50, 9)[1]})
    monkeypatch.chdir(folder)
    for read in (read_kind, open_recording):
        with pytest.raises(UnknownLayout, match=r"^fish is not a recording"):
            read(".")
