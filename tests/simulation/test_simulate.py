import inspect

import h5py
import numpy as np
import pytest

from napari_crbm.errors import CRBMError, FormatError, RecordingError
from napari_crbm.io import open_recording
from napari_crbm.simulation import load_truth, save_truth, simulate, simulate_to_file
from napari_crbm.simulation.settings import SimulationSettings

GENERATORS = ("noisy-or", "crbm")
SMALL = {"n_neurons": 120, "n_frames": 300, "n_assemblies": 4}


@pytest.fixture(scope="module", params=GENERATORS)
def simulation(request):
    return simulate(n_neurons=800, n_frames=3000, n_assemblies=10, generator=request.param, seed=1)


def lag_one(activity):
    centred = activity - activity.mean(axis=0)
    return (centred[1:] * centred[:-1]).mean(axis=0) / centred.var(axis=0)


def test_mean_activity_comes_out_as_asked(simulation):
    assert simulation.recording.spikes.rate == pytest.approx(0.035, rel=0.2)


@pytest.mark.parametrize("asked", [0.01, 0.05, 0.2])
def test_mean_activity_follows_the_argument(asked):
    rates = [
        simulate(
            n_neurons=600, n_frames=2000, n_assemblies=6, mean_activity=asked, seed=seed
        ).recording.spikes.rate
        for seed in range(3)
    ]
    assert np.mean(rates) == pytest.approx(asked, rel=0.1)


def test_rates_of_neurons_are_broadly_spread(simulation):
    low, high = np.quantile(simulation.recording.spikes.mean_activity, [0.1, 0.9])
    assert high > 5 * low


def test_latents_persist_and_are_sparse(simulation):
    activity = simulation.truth.activity
    assert (lag_one(activity) > 0.4).all()
    assert np.median(lag_one(activity)) > 0.75
    threshold = 0.0 if simulation.truth.generator == "crbm" else 0.5
    duty = (activity > threshold).mean(axis=0)
    assert (duty > 0.01).all()
    assert np.median(duty) < 0.15
    assert duty.max() < 0.35


def test_assemblies_switch_often(simulation):
    threshold = 0.0 if simulation.truth.generator == "crbm" else 0.5
    on = simulation.truth.activity > threshold
    assert (np.diff(on.astype(int), axis=0) == 1).sum(axis=0).min() >= 4


def test_members_can_be_told_from_the_background(simulation):
    truth = simulation.truth
    raster = simulation.recording.spikes.dense().astype(float)
    on = (truth.activity > (0.0 if truth.generator == "crbm" else 0.5)).astype(float)
    with np.errstate(invalid="ignore"):
        raster = np.nan_to_num((raster - raster.mean(0)) / raster.std(0))
    on = (on - on.mean(0)) / on.std(0)
    z = raster.T @ on / np.sqrt(len(on))
    excited, suppressed = truth.weights > 0, truth.weights < 0
    assert np.median(z[excited]) > 10
    assert (z[excited] > 3).mean() > 0.95
    assert np.median(z[suppressed]) < -2.5
    strangers = z[~truth.membership]
    assert abs(np.median(strangers)) < 1


def test_assemblies_overlap_and_some_members_are_suppressed(simulation):
    membership = simulation.truth.membership
    assert (membership.sum(axis=1) > 1).sum() >= 3
    assert (membership.sum(axis=0) >= 5).all()
    assert 0 < (simulation.truth.weights < 0).sum() < 0.2 * membership.sum()


def test_assemblies_are_locally_dense(simulation):
    coordinates = simulation.recording.coordinates
    spread = np.linalg.norm(coordinates - coordinates.mean(axis=0), axis=1).mean()
    to_nearest = []
    for column in simulation.truth.membership.T:
        members = coordinates[column]
        distance = np.linalg.norm(members[:, None] - members[None], axis=-1)
        to_nearest.append(np.median(np.sort(distance, axis=1)[:, 3]))
    assert np.median(to_nearest) < 0.25 * spread


@pytest.mark.parametrize("generator", GENERATORS)
def test_the_gain_multiplies_the_activity_of_all_neurons(generator):
    varied = simulate(500, 1000, 4, generator, gain=0.5, seed=1)
    gain = varied.truth.parameters["gain_course"]
    assert gain.mean() == pytest.approx(1)
    assert gain.std() == pytest.approx(0.5, rel=0.25)
    assert varied.recording.spikes.rate == pytest.approx(0.035, rel=0.15)
    outside = ~varied.truth.membership.any(axis=1)
    alone = varied.recording.spikes.dense()[:, outside].sum(axis=1)
    slope = np.polyfit(gain - 1, alone / alone.mean(), 1)[0]
    assert slope == pytest.approx(1, abs=0.15)


def test_members_fire_less_by_the_factor():
    usual, weak = (
        simulate(1000, 400, 10, mean_activity=0.016, member_firing=factor) for factor in (1.0, 0.6)
    )
    strengths = usual.truth.weights, weak.truth.weights
    both = (strengths[0] > 0) & (strengths[1] > 0)
    np.testing.assert_allclose(strengths[1][both], 0.6 * strengths[0][both], rtol=1e-5)
    assert weak.recording.spikes.rate == pytest.approx(0.016, rel=0.15)


@pytest.mark.parametrize("generator", GENERATORS)
def test_same_seed_same_recording_other_seed_another(generator):
    first, again, other = (
        simulate(**SMALL, generator=generator, fluorescence=True, seed=seed) for seed in (5, 5, 6)
    )
    assert first.recording.fingerprint == again.recording.fingerprint
    np.testing.assert_array_equal(first.truth.activity, again.truth.activity)
    np.testing.assert_array_equal(
        first.recording.fluorescence.values, again.recording.fluorescence.values
    )
    assert first.recording.fingerprint != other.recording.fingerprint


@pytest.mark.parametrize("generator", GENERATORS)
def test_streamed_file_equals_memory(generator, tmp_path):
    seen = []
    path = simulate_to_file(
        tmp_path / "fish.h5",
        **SMALL,
        generator=generator,
        gain=0.3,
        fluorescence=True,
        seed=2,
        progress=lambda done, total: seen.append((done, total)),
    )
    memory = simulate(**SMALL, generator=generator, gain=0.3, fluorescence=True, seed=2)
    recording, truth = open_recording(path), load_truth(path)
    assert recording.spikes == memory.recording.spikes
    np.testing.assert_array_equal(recording.coordinates, memory.recording.coordinates)
    np.testing.assert_array_equal(recording.times, memory.recording.times)
    assert recording.regions.names == memory.recording.regions.names
    np.testing.assert_array_equal(
        recording.fluorescence.frames(0, 300),
        memory.recording.fluorescence.frames(0, 300).astype(np.float16),
    )
    np.testing.assert_array_equal(truth.weights, memory.truth.weights)
    np.testing.assert_array_equal(truth.activity, memory.truth.activity)
    assert truth.names == memory.truth.names
    assert truth.generator == generator
    assert truth.parameters.keys() == memory.truth.parameters.keys()
    for key, value in memory.truth.parameters.items():
        np.testing.assert_array_equal(truth.parameters[key], value)
    assert [done for done, _ in seen] == [128, 256, 300]
    assert {total for _, total in seen} == {300}


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize(
    "sizes", [{"n_neurons": 10, "n_frames": 1, "n_assemblies": 1}, {"n_neurons": 10,
     "n_frames": 5, "n_assemblies": 12}, {"n_neurons": 60, "n_frames": 20, "n_assemblies": 3,
     "mean_activity": 0.45}, {"n_neurons": 60, "n_frames": 20, "n_assemblies": 3,
     "mean_activity": 0.001}]
)  # fmt: skip
def test_extreme_sizes_work(generator, sizes):
    simulation = simulate(**sizes, generator=generator)
    assert simulation.recording.n_neurons == sizes["n_neurons"]
    assert len(set(simulation.truth.names)) == sizes["n_assemblies"]
    assert np.isfinite(simulation.truth.activity).all()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_neurons": 9}, "n_neurons must be a whole number of at least 10; found 9"),
        ({"n_frames": 0}, "n_frames must be a positive"),
        ({"n_assemblies": 0}, "n_assemblies must be a positive"),
        ({"mean_activity": 0.0}, "more than 0 and less than 0.5"),
        ({"mean_activity": 0.5}, "more than 0 and less than 0.5"),
        ({"mean_activity": float("nan")}, "more than 0 and less than 0.5"),
        ({"frame_rate_hz": 0.0}, "frame_rate_hz must be"),
        ({"generator": "magic"}, "'noisy-or', 'crbm' or 'dynamics'; found 'magic'"),
        ({"seed": -1}, "seed"),
        ({"gain": -0.1}, "gain must be a number of at least 0 and at most 1"),
        ({"gain": 1.5}, "gain must be a number of at least 0 and at most 1"),
        ({"member_firing": 0.0}, "member_firing must be a number of more than 0"),
        ({"member_firing": 0.5, "generator": "crbm"}, "member_firing needs the generator"),
    ],
)
def test_bad_arguments_are_explained(arguments, words, tmp_path):
    with pytest.raises(CRBMError, match=words):
        simulate(**arguments)
    with pytest.raises(RecordingError, match=words):
        simulate_to_file(tmp_path / "no.h5", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_the_declared_settings_are_the_arguments():
    memory = inspect.signature(simulate).parameters
    assert {k: v.default for k, v in memory.items()} == SimulationSettings().as_dict()


def test_recordings_without_truth_have_none(tmp_path):
    simulation = simulate(**SMALL)
    path = simulate_to_file(tmp_path / "fish.h5", **SMALL)
    with h5py.File(path, "r+") as file:
        del file["truth"]
    assert load_truth(path) is None
    save_truth(simulation.truth, path)
    np.testing.assert_array_equal(load_truth(path).weights, simulation.truth.weights)


def test_unreadable_truth_is_explained(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not HDF5")
    with pytest.raises(FormatError, match=r"notes\.txt"):
        load_truth(text)
    path = simulate_to_file(tmp_path / "fish.h5", **SMALL)
    with h5py.File(path, "r+") as file:
        del file["truth/member_weight"]
    with pytest.raises(FormatError, match="incomplete"):
        load_truth(path)
