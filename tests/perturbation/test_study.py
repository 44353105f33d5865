"""Answers with what belongs beside them; where they must be right about causes, and where wrong."""

import numpy as np
import pytest

from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, DReLU
from napari_crbm.perturbation import (
    Recorded,
    coactivity,
    draw_pool,
    drive,
    expected,
    hold,
    matched_groups,
    of_assembly,
    screen_assemblies,
    screen_regions,
    silence,
)
from napari_crbm.regions import Regions
from tests.perturbation.controls import (
    N_NEURONS,
    SIZE,
    of_crbm,
    of_switches,
    recording_of_switches,
    trained,
    true_crbm,
)

GROUP = np.arange(10)
FELLOWS = np.arange(10, SIZE)
OTHERS = np.arange(SIZE, N_NEURONS)
STATES = dict(n_states=4000, n_chains=200)


@pytest.fixture(scope="module")
def switches():
    recording = recording_of_switches()
    return recording, [trained(recording, seed) for seed in range(3)]


def change_of(model, recording, asked):
    recorded = Recorded(model, recording.spikes)
    (found,) = expected(recorded, [asked], draw_pool(recorded, **STATES))
    return found.neurons.given - found.neurons.before


def test_on_a_recording_of_a_crbm_the_answer_is_the_true_response():
    """Where neurons do act through assemblies, the clamped truth is predicted."""
    recording, truth = of_crbm(), true_crbm()
    model = trained(recording)
    for asked in (drive(GROUP, 4), drive(GROUP, 10), silence(GROUP)):
        true = change_of(truth, recording, asked)[10:]
        found = change_of(model, recording, asked)[10:]
        assert np.corrcoef(found, true)[0, 1] > 0.9, asked.words
        assert 0.6 < (found @ true) / (true @ true) < 1.4, asked.words


def test_on_a_recording_of_switches_the_answer_is_no_true_response(switches):
    """Clamping neurons changes no other, yet the model expects their fellows to be active.

    It is right about what occurs together, which is all that the recording can tell.
    """
    recording, models = switches
    alone, clamped = of_switches().dense(), of_switches(clamped=GROUP).dense()
    true = clamped.mean(axis=0) - alone.mean(axis=0)
    assert (true[10:] == 0).all()
    (found,) = coactivity(models[0], recording, drive(GROUP), **STATES)
    assert found.neurons.loc[FELLOWS, "change"].min() > 0.15
    assert found.neurons.loc[OTHERS, "change"].abs().max() < 0.05
    # Nothing of what stands beside it gives the failure away, so the meaning must be said.
    assert not found.extrapolates and found.agreement.correlation[0] > 0.9
    assert "nothing about causes" in found.sentences[0]


def test_expected_and_recorded_agree_on_held_out_frames(switches):
    recording, models = switches
    (found,) = coactivity(models[0], recording, drive(GROUP), **STATES)
    seen = found.agreement
    assert seen.held_out and seen.problem == ""
    test = models[0].split_["test"]
    frames = test[recording.spikes.dense(test)[:, GROUP].sum(axis=1) >= found.perturbation.level]
    assert seen.n_frames == pytest.approx(len(frames))
    rate = recording.spikes.dense(frames).mean(axis=0)
    np.testing.assert_allclose(seen.recorded, rate[seen.neurons], atol=1e-6)
    assert seen.correlation[1] < seen.correlation[0] < seen.correlation[2] + 0.05
    assert 0.6 < seen.slope[0] < 1.4
    assert seen.by_rates < seen.correlation[0]
    assert "held-out frames" in seen.sentence


def test_a_model_that_the_recording_contradicts_is_not_confirmed(switches):
    """Two assemblies exchanged their fellows: members are right, the others are not."""
    recording, models = switches
    order = np.arange(N_NEURONS)
    order[FELLOWS], order[FELLOWS + SIZE] = FELLOWS + SIZE, FELLOWS
    right = models[0]
    wrong = CRBM.from_parameters(right.weights_[order], right.fields_[order], right.hidden_)
    for model, confirmed in ((right, True), (wrong, False)):
        (found,) = coactivity(model, recording, drive(GROUP, 5), **STATES)
        said = any(each.startswith("Not confirmed") for each in found.cautions)
        assert said is not confirmed, found.agreement.sentence


def test_without_held_out_frames_the_comparison_says_so(switches):
    recording, _ = switches
    model = true_crbm()
    (found,) = coactivity(model, recording, drive(GROUP, 3), n_states=600, n_chains=100)
    assert not found.agreement.held_out and "trained on" in found.agreement.sentence
    (never,) = coactivity(model, recording, drive(range(SIZE), SIZE), n_states=600, n_chains=100)
    assert never.extrapolates and "a comparison needs 10" in never.agreement.sentence
    assert np.isnan(never.agreement.correlation).all()


def test_uncertainty_between_models_is_apart_from_that_of_chains(switches):
    recording, models = switches
    (one,) = coactivity(models[0], recording, drive(GROUP), **STATES)
    (three,) = coactivity(models, recording, drive(GROUP), **STATES)
    np.testing.assert_array_equal(one.neurons["chain_low"], three.neurons["chain_low"])
    assert one.neurons["model_low"].isna().all() and (one.neurons["models"] == 1).all()
    assert any(each.startswith("One model:") for each in one.cautions)
    assert not any("model:" in each for each in three.cautions)
    changes = np.stack([each.neurons.given - each.neurons.before for each in three.results])
    np.testing.assert_allclose(three.neurons["model_median"], np.median(changes, axis=0))
    np.testing.assert_allclose(three.neurons["model_low"], changes.min(axis=0))
    np.testing.assert_allclose(three.neurons["model_high"], changes.max(axis=0))
    agree = (np.sign(changes) == np.sign(np.median(changes, axis=0))).mean(axis=0)
    np.testing.assert_allclose(three.neurons["model_agree"], agree)
    clear = three.neurons["clear"].to_numpy()
    assert clear[FELLOWS].all()
    # An assembly that is on with the group less often than by chance in this one recording.
    assert clear[OTHERS].sum() <= SIZE
    assert three.neurons["change"].abs()[OTHERS[clear[OTHERS]]].max() < 0.05


def test_assemblies_are_those_of_the_first_model(switches):
    recording, models = switches
    (found,) = coactivity(models, recording, drive(GROUP), **STATES)
    strongest = int(found.assemblies["change"].idxmax())
    assert models[0].weights_[:SIZE, strongest].mean() > models[0].weights_[SIZE:, strongest].mean()
    row = found.assemblies.loc[strongest]
    assert row["model_low"] > 0.5 and row["model_agree"] == 1 and row["clear"]


def test_a_held_assembly_is_asked_of_its_partner(switches):
    recording, models = switches
    unit = int(np.abs(models[0].weights_[:SIZE]).sum(axis=0).argmax())
    (found,) = coactivity(models, recording, hold(unit), **STATES)
    assert found.neurons.loc[: SIZE - 1, "model_low"].min() > 0.1
    partners = [each.perturbation.assembly for each in found.results]
    for model, partner in zip(models, partners, strict=True):
        assert np.abs(model.weights_[:SIZE]).sum(axis=0).argmax() == partner
    mirrored = true_crbm()
    weights, u = -mirrored.weights_, mirrored.hidden_
    swapped = DReLU(u.gamma_minus, u.gamma_plus, u.theta_minus, u.theta_plus)
    other = CRBM.from_parameters(weights, mirrored.fields_, swapped)
    (both,) = coactivity([mirrored, other], recording, hold(1, 2.0), n_states=2000, n_chains=100)
    assert both.results[1].perturbation.state == -2.0
    np.testing.assert_allclose(
        both.results[0].neurons.given, both.results[1].neurons.given, atol=0.05
    )


def test_a_model_without_the_assembly_says_nothing_of_it(switches):
    recording, models = switches
    weights = models[1].weights_.copy()
    unit = int(np.abs(models[0].weights_[:SIZE]).sum(axis=0).argmax())
    empty = CRBM.from_parameters(0 * weights, models[1].fields_, models[1].hidden_)
    (found,) = coactivity([models[0], empty], recording, hold(unit), n_states=600, n_chains=100)
    assert len(found.results) == 1 and found.neurons["model_low"].isna().all()
    assert any(each.startswith("1 of the models have no assembly") for each in found.cautions)


def test_random_groups_match_in_size_and_activity_and_give_the_range(switches):
    recording, models = switches
    groups = matched_groups(recording.spikes, GROUP, 30)
    rate = recording.spikes.mean_activity
    for each in groups:
        assert len(np.unique(each)) == len(GROUP) and not np.isin(each, GROUP).any()
        assert abs(rate[each].mean() - rate[GROUP].mean()) < 0.02
    assert len({tuple(each) for each in groups}) == 30
    regions = Regions.from_labels(np.arange(N_NEURONS) // 40, ("a", "b", "c", "d"))
    recorded = Recorded(models[0], recording.spikes)
    pool = draw_pool(recorded, **STATES)
    alone = np.arange(N_NEURONS - 10, N_NEURONS)
    (found,) = coactivity(models[0], recording, drive(alone), regions=regions, n_null=40, pool=pool)
    direct = expected(
        recorded,
        [drive(each) for each in matched_groups(recording.spikes, alone, 40)],
        pool,
        regions=regions,
        clamp=False,
        enough=50,
    )
    assert found.n_null == len(direct) >= 20
    changes = np.stack([each.regions.given - each.regions.before for each in direct])
    low, high = np.quantile(changes, (0.025, 0.975), axis=0)
    np.testing.assert_allclose(found.regions[["null_low", "null_high"]], np.stack([low, high], 1))
    # Neurons that belong to no assembly change nothing more than random groups do.
    assert found.regions["change"].between(low, high).all()
    with pytest.raises(ModelError, match="cannot be drawn from the others"):
        matched_groups(recording.spikes, np.arange(100))


def test_screens_ask_about_every_assembly_and_region(switches):
    recording, models = switches
    asked = screen_assemblies(models[0], "drive")
    assert all((each.neurons[:, None] >= 0).all() for each in asked)
    assert len(screen_assemblies(models[0], "hold", "off")) == models[0].n_assemblies
    regions = Regions.from_labels(np.minimum(np.arange(N_NEURONS) // 50, 3), ("a", "b", "c", "d"))
    listed = screen_regions(regions, "silence", min_neurons=20)
    assert [each.name for each in listed] == ["a", "b", "c"]
    with pytest.raises(ModelError, match="Only assemblies can be held"):
        screen_regions(regions, "hold")
    with pytest.raises(ModelError, match="no region with at least 5"):
        screen_regions(None, "drive")
    with pytest.raises(ModelError, match="no assembly 99"):
        of_assembly(models[0], 99, "drive")
    steps = []
    found = coactivity(
        models[0],
        recording,
        asked,
        n_states=1000,
        n_chains=100,
        report=lambda what, done, total: steps.append((what, done, total)),
    )
    assert [each.perturbation.name for each in found] == [each.name for each in asked]
    assert ("Events", len(asked), len(asked)) in steps
    row = found[0].summary
    assert row["kind"] == "drive" and row["models"] == 1 and row["level"] >= 1


def test_a_region_within_the_group_has_no_neurons_left(switches):
    recording, models = switches
    regions = Regions.from_labels(np.minimum(np.arange(N_NEURONS) // 10, 3), ("a", "b", "c", "d"))
    (found,) = coactivity(
        models[0], recording, silence(GROUP), regions=regions, n_states=600, n_chains=100
    )
    assert found.regions.loc["a", "n_neurons"] == 0 and np.isnan(found.regions.loc["a", "change"])
    assert not found.regions.loc["a", "clear"]
    assert (found.neurons.loc[GROUP, "given"] == 0).all() and found.neurons["in_group"].sum() == 10


def test_nothing_to_ask_is_refused(switches):
    recording, models = switches
    with pytest.raises(ModelError, match="at least one model and one perturbation"):
        coactivity(models[0], recording, [])
