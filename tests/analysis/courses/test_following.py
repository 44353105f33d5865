"""Which assemblies follow a stimulus: in simulated recordings, with the planted assemblies."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_crbm.analysis import (
    Course,
    assembly_course,
    event_responses,
    export_tuning,
    follow_course,
    neuron_course,
    onsets,
    stored_course,
    tuning_table,
)
from napari_crbm.analysis.courses.following import beyond_others, places_of
from napari_crbm.errors import ModelError, RecordingError
from napari_crbm.model import CRBM, DReLU
from napari_crbm.simulation import simulate


@pytest.fixture(scope="module")
def experiment():
    return simulate(n_neurons=500, n_frames=3000, n_assemblies=10, n_tuned=3, seed=1)


@pytest.fixture(scope="module")
def model(experiment):
    """The planted assemblies as a model; nothing is trained."""
    weights = np.where(experiment.truth.membership, np.sign(experiment.truth.weights), 0)
    ones = np.ones(weights.shape[1])
    return CRBM.from_parameters(
        weights.astype(np.float32),
        np.full(len(weights), -3.0, np.float32),
        DReLU(ones, ones, 0 * ones, 0 * ones),
    )


@pytest.fixture(scope="module")
def found(experiment, model):
    course = stored_course(experiment.recording, "stimulus")
    return follow_course(model, experiment.recording, course, lags_s=2)


def test_tuned_assemblies_follow_the_stimulus_and_no_others(found, experiment):
    tuned = experiment.truth.parameters["tuned"]
    assert np.flatnonzero(found.table["follows"]).tolist() == tuned.tolist()
    assert (found.table.loc[tuned, "r"] > 0.1).all()
    assert "3 of 10 assemblies follow stimulus at lags up to 2 s" in str(found)


def test_neurons_of_tuned_assemblies_correlate_most(found, experiment):
    weights = experiment.truth.weights[:, experiment.truth.parameters["tuned"]]
    members, r = (weights > 0).any(axis=1), found.neurons["r"].to_numpy()
    assert np.nanmedian(np.abs(r[members])) > 2 * np.nanmedian(np.abs(r[~members]))
    one = int(np.nanargmax(np.abs(r)))
    alone = follow_one_neuron(experiment.recording, one)
    assert r[one] == pytest.approx(alone, abs=1e-5)


def follow_one_neuron(recording, neuron):
    """The correlation of one neuron by the code for assemblies."""
    from napari_crbm.analysis.courses.following import lags_in_frames
    from napari_crbm.analysis.courses.shifts import shifted_correlation

    lags = lags_in_frames(recording, 2)
    course = stored_course(recording, "stimulus")
    places, values = places_of(course, recording, int(lags[-1]))
    activity = recording.spikes.trace(neuron)[:, None].astype(float)
    return shifted_correlation(activity, values, places, lags, n_shuffles=1).r[0]


def test_an_assembly_that_shares_neurons_with_one_that_follows_does_not_follow():
    rng = np.random.default_rng(0)
    simulation = simulate(n_neurons=100, n_frames=2000, n_assemblies=4, n_tuned=1, seed=3)
    recording, stimulus = simulation.recording, simulation.recording.traces["stimulus"]
    own = rng.normal(size=(2000, 6))
    own[:, 0] += 2 * stimulus
    activity = own.copy()
    activity[:, 1] += 0.6 * own[:, 0]
    course = Course("stimulus", stimulus)
    ones = np.ones(6)
    model = CRBM.from_parameters(
        np.zeros((100, 6), np.float32), np.zeros(100, np.float32), DReLU(ones, ones, ones, ones)
    )
    table = follow_course(model, recording, course, activity).table
    assert table["r"][1] > 0.2 and abs(table["r_direct"][1]) < 0.1
    assert table["follows"].tolist() == [True] + [False] * 5


def test_units_of_one_assembly_are_not_held_constant_for_each_other(experiment):
    rng = np.random.default_rng(1)
    course = stored_course(experiment.recording, "stimulus")
    places, _ = places_of(course, experiment.recording, 0)
    activity = rng.normal(size=(3000, 3))
    activity[:, 1] = activity[:, 0] + 0.3 * rng.normal(size=3000)
    left = beyond_others(activity, places)
    assert np.corrcoef(left[:, 0], activity[:, 0])[0, 1] > 0.9


def test_a_neuron_and_an_assembly_are_not_compared_with_themselves(experiment, model):
    recording, activity = experiment.recording, model.transform(experiment.recording.spikes)
    of_assembly = follow_course(model, recording, assembly_course(activity, 2), n_shuffles=99)
    assert np.isnan(of_assembly.table.loc[2, ["r", "p", "q"]].astype(float)).all()
    assert of_assembly.table["p"].notna().sum() == 9
    neuron = int(np.flatnonzero(experiment.truth.membership[:, 2])[0])
    of_neuron = follow_course(model, recording, neuron_course(recording, neuron), n_shuffles=99)
    assert np.isnan(of_neuron.neurons.loc[neuron, "r"])


def test_courses_that_cannot_be_followed_are_refused(experiment, model):
    recording = experiment.recording
    for course, words in (
        (Course("flat", np.ones(3000)), "flat does not vary"),
        (Course("none", np.full(3000, np.nan)), "none is known in no frame"),
        (Course("short", np.ones(30)), "has 30 values, the recording 3,000 frames"),
    ):
        with pytest.raises(RecordingError, match=words):
            follow_course(model, recording, course)
    few = np.full(3000, np.nan)
    few[:40] = np.random.default_rng(0).normal(size=40)
    with pytest.raises(RecordingError, match="known in too few frames"):
        follow_course(model, recording, Course("few", few))
    with pytest.raises(RecordingError, match="largest lag must be 0 to 75 s"):
        follow_course(model, recording, stored_course(recording, "stimulus"), lags_s=100)
    with pytest.raises(RecordingError, match="holds no trace 'tail': it has 'stimulus'"):
        stored_course(recording, "tail")
    with pytest.raises(RecordingError, match="no neuron 500"):
        neuron_course(recording, 500)
    small = recording.select_neurons(np.arange(10), "test")
    with pytest.raises(ModelError, match="500 neurons"):
        follow_course(model, small, stored_course(small, "stimulus"))


def test_segments_and_gaps_of_the_course(experiment, model):
    recording = replace(experiment.recording, boundaries=(1000, 1040))
    values = np.array(recording.traces["stimulus"])
    values[2000:2400] = np.nan
    found = follow_course(model, recording, Course("stimulus", values), lags_s=2)
    assert found.n_frames < 2600
    tuned = experiment.truth.parameters["tuned"]
    assert found.table.loc[tuned, "p"].max() < 0.05


def test_responses_of_assemblies_and_regions(experiment, model, tmp_path):
    recording = experiment.recording
    activity = model.transform(recording.spikes)
    events = onsets(recording.traces["stimulus"], 0.5, recording.segments)
    responses = event_responses(recording, activity, events, before_s=3, after_s=6)
    tuned = experiment.truth.parameters["tuned"]
    assert (responses.table.loc[tuned, "response_p"] < 0.01).all()
    assert responses.times_s[0] == -3 and responses.times_s[-1] == 6
    region = int(np.argmax(recording.regions.counts))
    members = recording.regions.members(recording.regions.names[region])
    share = 100 * recording.spikes.dense()[:, members].mean(axis=1)
    around = np.mean([share[e - 12 : e + 25] for e in responses.regions.events], axis=0)
    np.testing.assert_allclose(responses.regions.mean[:, region], around, atol=1e-4)

    found = follow_course(model, recording, stored_course(recording, "stimulus"), n_shuffles=99)
    joined = tuning_table(found, responses)
    assert list(joined) == [*found.table, *responses.table]
    paths = export_tuning(found, responses, tmp_path)
    assert [path.stem for path in paths] == [
        "tuning",
        "tuning_neurons",
        "tuning_regions",
        "triggered",
    ]
    long = pd.read_csv(tmp_path / "triggered.csv")
    one = long[(long["of"] == "assembly") & (long["name"] == "3")]
    np.testing.assert_allclose(one["mean"], responses.assemblies.mean[:, 3], atol=1e-4)
    with pytest.raises(RecordingError, match="must be positive, together at most a quarter"):
        event_responses(recording, activity, events, before_s=0)
    with pytest.raises(RecordingError, match="Event frame 3000 lies outside"):
        event_responses(recording, activity, np.array([5, 3000]))
