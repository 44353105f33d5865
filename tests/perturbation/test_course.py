"""Predicted responses beside the simulator: where they are right, and where they must fail."""

from dataclasses import replace

import numpy as np
import pytest

from napari_crbm import CRBM
from napari_crbm.errors import ModelError
from napari_crbm.perturbation import drive, hold, of_assembly, predicted_response, silence
from napari_crbm.perturbation.tables import response_tables
from napari_crbm.simulation import planted_dynamics, simulate
from napari_crbm.temporal import TemporalSettings, TemporalTraining

N_ASSEMBLIES = 4


class Planted:
    """A recording of assemblies that drive each other in a ring, and its two models."""

    def __init__(self, spikes_act, n_frames=3000, n_updates=1200, n_passes=60):
        ring = {
            "n_neurons": 160,
            "n_frames": n_frames,
            "n_assemblies": N_ASSEMBLIES,
            "mean_activity": 0.06,
            "spikes_act": spikes_act,
            "seed": 5,
        }
        made = simulate(generator="dynamics", **ring)
        self.recording, self.members = made.recording, made.truth.weights > 0
        self.dynamics = planted_dynamics(**ring)
        self.model = CRBM(n_hidden=N_ASSEMBLIES, n_updates=n_updates, n_threads=1).fit(
            made.recording
        )
        settings = TemporalSettings(longest_lag_s=2.0, penalty=0.01, n_passes=n_passes, n_threads=1)
        training = TemporalTraining(self.model, made.recording, settings)
        for _ in training:
            pass
        self.temporal = training.model()
        activity = self.model.transform(made.recording.spikes)
        r = np.corrcoef(activity.T, made.truth.activity.T)[:N_ASSEMBLIES, N_ASSEMBLIES:]
        self.planted = r.argmax(axis=1)
        self.found = [
            unit for unit, number in enumerate(self.planted)
            if r[unit].max() > 0.6 and r[:, number].argmax() == unit
        ]  # fmt: skip

    def predict(self, asked, **options):
        return predicted_response(self.temporal, self.model, self.recording, asked, **options)

    def changes(self):
        """Mean change of the members of the other assemblies: predicted, and in truth."""
        pairs = []
        for unit in self.found:
            found = self.predict(of_assembly(self.model, unit, "drive"), seconds=6.0)
            asked = found.perturbation
            truth = self.dynamics.response(neurons=asked.neurons[: asked.level], n_frames=1500)
            outside = ~found.neurons["in_group"].to_numpy()
            for other in self.found:
                if other != unit:
                    members = outside & self.members[:, self.planted[other]]
                    predicted = found.neurons["change"].to_numpy()[members].mean()
                    pairs.append((predicted, truth.neurons[members].mean()))
        return np.array(pairs).T


@pytest.fixture(scope="module")
def rough():
    """Models that are hardly trained, for what does not depend on them."""
    return Planted(True, n_frames=900, n_updates=60, n_passes=4)


def test_where_spikes_act_the_prediction_follows_the_true_response():
    acting = Planted(spikes_act=True, n_updates=3500)
    assert len(acting.found) == N_ASSEMBLIES
    predicted, true = acting.changes()
    assert np.corrcoef(predicted, true)[0, 1] > 0.5
    assert 0.4 < np.polyfit(true, predicted, 1)[0] < 2.0


def test_where_neurons_are_readings_the_prediction_is_wrong():
    predicted, true = Planted(spikes_act=False, n_updates=600).changes()
    assert not true.any()
    assert predicted.mean() > 0.03, "a recording does not tell readings from neurons that act"


def test_tables_describe_the_course(rough):
    found = rough.predict(hold(1, "on"), seconds=2.0, lasting_s=1.0)
    assert found.lasting_s == 1.0 and len(found.starts) == 16
    table = found.assemblies
    assert len(table) == N_ASSEMBLIES * 8 and table["time_s"].max() == 2.0
    np.testing.assert_allclose(table["change"], table["with"] - table["without"], atol=1e-5)
    held = table[table["assembly"] == 1].set_index("time_s")["with"]
    assert held[:1.0].nunique() == 1 and held[1.25] != held[1.0]
    assert (table["low"] <= table["change"]).all() and (table["change"] <= table["high"]).all()
    assert "largest predicted response" in found.strongest and "effect" not in found.strongest
    named = response_tables(found)
    assert set(named) == {"response_assemblies", "response_neurons", "response_regions"}
    assert (named["response_neurons"]["event"] == "assembly 1 held on").all()


def test_regions_leave_the_group_out(rough):
    regions = rough.recording.regions
    name = regions.names[int(np.argmax(regions.counts))]
    group = regions.members(name)
    found = rough.predict(silence(group, name), seconds=0.5)
    assert name not in set(found.regions["region"])
    assert (found.neurons.loc[group, "with"] == 0).all() and found.neurons.loc[
        group, "in_group"
    ].all()


def test_one_start_gives_intervals_over_continuations(rough):
    frame = int(rough.temporal.n_lags) + 3
    found = rough.predict(drive(range(10)), starts=[frame], seconds=0.5)
    assert found.starts.tolist() == [frame]
    assert np.isfinite(found.assemblies["low"]).all()
    again = rough.predict(drive(range(10)), starts=[frame], seconds=0.5)
    assert again.assemblies.equals(found.assemblies)


def test_what_lies_outside_the_recording_is_said(rough):
    found = rough.predict(hold(0, 50.0), seconds=0.5)
    assert any("Outside what was recorded" in each for each in found.cautions)
    alone = replace(rough.temporal, couplings=np.zeros_like(rough.temporal.couplings))
    found = predicted_response(alone, rough.model, rough.recording, drive([3], 1), seconds=0.5)
    assert any("One neuron" in each for each in found.cautions)
    assert any("couples no assembly" in each for each in found.cautions)


def test_impossible_questions_are_refused(rough):
    with pytest.raises(ModelError, match="looks back on 8 frames, and frame"):
        rough.predict(hold(0), starts=[2])
    with pytest.raises(ModelError, match="are positive"):
        rough.predict(hold(0), seconds=0.0)
    other = CRBM.from_parameters(
        rough.model.weights_ * 2, rough.model.fields_, rough.model.rbm_.hidden
    )
    with pytest.raises(ModelError, match="belongs to another model"):
        predicted_response(rough.temporal, other, rough.recording, hold(0))
