import sys
import threading
from dataclasses import replace

import numpy as np
import pytest

from napari_crbm.errors import ModelError, TrainingCollapsed, TrainingDiverged
from napari_crbm.model import CRBM, Control, Settings, Training
from napari_crbm.model.compute.threads import available_threads
from napari_crbm.model.compute.weights import SparseWeights
from napari_crbm.model.training.compile_ahead import compile_ahead, compiled
from napari_crbm.model.training.optimiser import learning_rate
from napari_crbm.model.training.settings import default_l1
from napari_crbm.simulation import simulate
from napari_crbm.spikes import Spikes
from tests.conftest import planted_raster

SHORT = Settings(n_hidden=6, n_updates=60, n_chains=20, batch_size=40, gibbs_steps=2)


def run(training: Training) -> CRBM:
    for _ in training:
        pass
    return training.model()


def same(one: CRBM, other: CRBM) -> bool:
    return (
        np.array_equal(one.weights_, other.weights_)
        and np.array_equal(one.fields_, other.fields_)
        and all(np.array_equal(a, b) for a, b in zip(one.hidden_, other.hidden_, strict=True))
    )


@pytest.fixture(scope="module")
def short(planted) -> tuple[Training, CRBM]:
    """One short training, come to its end, and its model: what most others are compared with."""
    training = Training(planted[0], SHORT)
    return training, run(training)


def test_planted_assemblies_are_found(planted):
    spikes, membership = planted
    model = CRBM(recipe="quick", n_updates=600).fit(spikes)
    size = np.abs(model.weights_)
    for k in range(membership.shape[1]):
        members = membership[:, k]
        separation = [
            (size[members, m][:, None] > size[~members, m]).mean()
            for m in range(model.n_assemblies)
        ]
        assert max(separation) > 0.95
    assert np.mean(model.weights_ == 0) > 0.3


def test_hidden_units_have_unit_variance_and_positive_weights_after_training(planted, short):
    spikes, _ = planted
    _, model = short
    train = spikes.select_frames(model.split_["train"])
    moments = model.hidden_.moments(model.inputs_h_from_v(train))
    variance = moments.square.mean(axis=0) - moments.mean.mean(axis=0) ** 2
    np.testing.assert_allclose(variance, 1, atol=1e-3)
    assert (model.weights_.sum(axis=0) >= 0).all()


def test_same_seed_same_result(planted, short):
    assert same(run(Training(planted[0], SHORT)), short[1])


@pytest.mark.skipif(available_threads() < 2, reason="needs two cores")
def test_the_number_of_threads_does_not_matter(planted):
    spikes, _ = planted
    one = Settings(**{**SHORT.as_dict(), "n_threads": 1})
    two = Settings(**{**SHORT.as_dict(), "n_threads": 2})
    assert same(run(Training(spikes, one)), run(Training(spikes, two)))


def test_another_seed_another_result(planted, short):
    other = Settings(**{**SHORT.as_dict(), "random_state": 1})
    assert not same(run(Training(planted[0], other)), short[1])


def stop_at(training: Training, update: int) -> None:
    """Stop after exactly ``update`` updates."""
    advance = training._advance

    def counted() -> None:
        advance()
        if training.update >= update:
            training.control.stop()

    training._advance = counted  # type: ignore[method-assign]


def test_a_resumed_training_equals_an_uninterrupted_one_bit_for_bit(planted, short):
    spikes, _ = planted
    whole, expected = short
    first = Training(spikes, SHORT)
    stop_at(first, 23)
    phases = [progress.phase for progress in first]
    assert phases[-1] == "stopped" and first.update == 23
    second = Training(spikes, resume=first.checkpoint())
    assert same(run(second), expected)
    assert same(second.best_model(), whole.best_model())
    np.testing.assert_array_equal(
        second.model().history_["test_pseudo_likelihood"],
        expected.history_["test_pseudo_likelihood"],
    )


def test_a_checkpoint_of_another_recording_is_refused(short):
    training, _ = short
    other, _ = planted_raster(seed=1)
    with pytest.raises(ModelError, match="another recording"):
        Training(other, resume=training.checkpoint())


def test_progress_tells_where_training_is(planted):
    spikes, _ = planted
    records = list(Training(spikes, SHORT))
    assert records[0].phase == "preparing"
    assert records[-1].phase == "finished"
    assert records[-1].update == SHORT.n_updates
    assert "test_pseudo_likelihood" in records[-1].statistics
    with pytest.raises(ValueError, match="read-only"):
        records[-1].weights[0, 0] = 1


def test_pause_and_resume_from_another_thread(planted):
    spikes, _ = planted
    control = Control()
    training = Training(spikes, Settings(**{**SHORT.as_dict(), "n_updates": 400}), control=control)
    phases, updates = [], []
    for progress in training:
        phases.append(progress.phase)
        updates.append(progress.update)
        if progress.phase == "training" and not control.paused and "paused" not in phases:
            control.pause()
        elif progress.phase == "paused":
            threading.Timer(0.2, control.resume).start()
    assert "paused" in phases
    at = phases.index("paused")
    assert updates[at] == updates[at - 1], "nothing happens while paused"
    assert phases[-1] == "finished"


@pytest.mark.parametrize("settings", [SHORT, replace(SHORT, initialisation="random")])
def test_a_start_tells_what_it_has_found_and_can_be_stopped(planted, settings):
    spikes, _ = planted
    control = Control()
    training = Training(spikes, replace(settings, n_hidden="auto"), control=control)
    records = []
    for progress in training:
        records.append(progress)
        if progress.n_found is not None:
            control.stop()
    assert [record.phase for record in records] == ["preparing", "preparing", "stopped"]
    assert records[1].n_found >= 3
    assert training.update == 0
    with pytest.raises(ModelError, match="has not begun"):
        training.model()


def test_stop_ends_a_paused_training(planted):
    spikes, _ = planted
    control = Control()
    control.pause()
    training = Training(spikes, SHORT, control=control)
    phases = []
    for progress in training:
        phases.append(progress.phase)
        if progress.phase == "paused":
            control.stop()
    assert phases[-1] == "stopped"
    assert training.model().n_assemblies == SHORT.n_hidden


def test_too_strong_a_penalty_is_said_in_words(planted):
    spikes, _ = planted
    # Supported weights pay a quarter of it, and no covariance of a neuron here exceeds 0.2.
    settings = Settings.named("default", l1=1.0, n_hidden=5)
    with pytest.raises(TrainingCollapsed, match=r"All weights have gone to zero.*l1 = 1"):
        run(Training(spikes, settings))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_noise_has_no_assemblies_and_training_says_so(seed):
    noise = Spikes.from_dense(np.random.default_rng(seed).random((1500, 300)) < 0.03)
    with pytest.raises(TrainingCollapsed, match="no assemblies beyond chance"):
        run(Training(noise, Settings()))


def test_divergence_is_said_in_words(planted):
    spikes, _ = planted
    settings = Settings.named("quick", learning_rate=50.0, final_learning_rate=50.0, n_hidden=5)
    with pytest.raises(TrainingDiverged, match="Lower the learning rate"):
        run(Training(spikes, settings))


def test_random_starts_escape_the_zero_trap(planted):
    spikes, _ = planted
    settings = Settings.named("quick", initialisation="random", n_hidden=6, n_updates=600)
    model = run(Training(spikes, settings))
    assert np.abs(model.weights_).max() > 0.3


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("n_hidden", 0, "n_hidden must be 'auto' or a positive whole number"),
        ("n_hidden", 2.5, "n_hidden must be 'auto' or a positive whole number"),
        ("l1", -1, "l1 must be 'auto' or a number of at least 0; found -1"),
        ("n_updates", 0, "n_updates must be a positive whole number"),
        ("learning_rate", -1, "learning_rate must be a positive number"),
        ("learning_rate", "fast", "learning_rate must be a positive number; found 'fast'"),
        ("final_learning_rate", 0.1, "final_learning_rate must not exceed learning_rate"),
        ("final_learning_rate", "low", "'auto' or a positive number"),
        ("decay_after", 1.5, "decay_after must be a number of at least 0 and less than 1"),
        ("n_threads", "two", "n_threads must be a whole number"),
        ("random_state", -1, "random_state must be a whole number of at least 0"),
        ("initialisation", "magic", "'assemblies' or 'random'"),
        ("n_test_blocks", 10, "n_test_blocks"),
        ("nonsense", 1, "No training setting 'nonsense'"),
    ],
)
def test_senseless_settings_are_refused(field, value, words):
    with pytest.raises(ModelError, match=words):
        Settings.named("default", **{field: value})


def test_unknown_recipes_are_refused():
    with pytest.raises(ModelError, match="No recipe 'slow'"):
        Settings.named("slow")


def test_more_hidden_units_than_neurons_are_refused(planted):
    with pytest.raises(ModelError, match="301 hidden units for 300 neurons"):
        Training(planted[0], Settings(n_hidden=301))


def test_a_silent_recording_is_refused():
    with pytest.raises(ModelError, match="nothing to learn"):
        Training(Spikes.from_dense(np.zeros((50, 10))))


def test_assemblies_do_not_hold_each_other_on_when_training_starts():
    # With whole initial weights three times as many neurons are active.
    spikes = simulate(3000, 1500, 80, seed=1).recording.spikes
    training = Training(spikes, Settings(n_updates=3500, n_chains=64))
    training.make_updates(10)
    last = training.checkpoint()["chain_bits"]
    activity = np.bitwise_count(last).sum() / (64 * spikes.n_neurons)
    assert activity < 1.3 * spikes.mean_activity.mean()


def test_the_last_rate_is_at_most_the_first(planted):
    def used(**rates: float) -> float | str:
        model = run(Training(planted[0], replace(SHORT, n_updates=1, **rates)))
        assert model.settings_ is not None
        return model.settings_.final_learning_rate

    assert used() == 1e-6
    assert used(learning_rate=1e-7) == 1e-7
    assert used(final_learning_rate=2e-4) == 2e-4


def test_learning_rate_rises_stays_and_falls_geometrically():
    settings = Settings(
        n_updates=1000,
        warm_up=0.1,
        decay_after=0.25,
        learning_rate=1e-2,
        final_learning_rate=1e-4,
    )
    assert learning_rate(settings, 0) == pytest.approx(1e-4)
    assert learning_rate(settings, 50) == pytest.approx(1e-3)
    assert learning_rate(settings, 100) == 1e-2
    assert learning_rate(settings, 250) == 1e-2
    assert learning_rate(settings, 999) == pytest.approx(1e-4)
    ratios = [learning_rate(settings, k + 1) / learning_rate(settings, k) for k in range(300, 990)]
    assert np.ptp(ratios) < 1e-9


def test_default_penalty_follows_activity_and_length():
    generator = np.random.default_rng(0)

    def l1(rate, n_frames):
        return default_l1(Spikes.from_dense(generator.random((n_frames, 200)) < rate))

    assert l1(0.04, 4000) == pytest.approx(l1(0.01, 4000) * 2, rel=0.1)
    assert l1(0.04, 1000) == pytest.approx(l1(0.04, 4000) * 2, rel=0.1)


def test_resume_and_threads_do_not_matter_once_weights_are_sparse(planted):
    spikes, _ = planted
    settings = replace(SHORT, n_hidden=12, n_updates=330, l1=0.03)
    whole = Training(spikes, replace(settings, n_threads=1))
    expected = run(whole)
    assert isinstance(whole.learner.active.form, SparseWeights), (
        "the case must reach the sparse form"
    )

    control = Control()
    first = Training(spikes, settings, control=control)
    advance = first._advance

    def stop_later() -> None:
        advance()
        if first.update == 250:
            control.stop()

    first._advance = stop_later  # type: ignore[method-assign]
    for _ in first:
        pass
    assert first.update == 250
    assert same(expected, run(Training(spikes, resume=first.checkpoint())))


@pytest.mark.skipif(sys.platform == "win32", reason="reads resource usage")
def test_memory_stays_flat_over_many_updates(planted):
    import resource

    def peak_mb() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    spikes, _ = planted
    training = Training(spikes, replace(SHORT, n_chains=10, gibbs_steps=1, n_updates=3000))
    early = None
    for progress in training:
        if early is None and progress.update > 1000:
            early = peak_mb()
    assert early is not None and peak_mb() - early < 5


def test_kernels_can_be_compiled_ahead():
    compile_ahead()
    assert compiled()


def test_trainings_that_run_away_go_back_and_end_well(planted):
    """Three hundred times the usual learning rate: as good in the end, and said so."""
    spikes, _ = planted
    shortfalls = []
    for seed in range(3):
        usual = Settings(n_hidden=5, n_updates=200, n_chains=40, random_state=seed)
        expected = run(Training(spikes, usual))
        training = Training(spikes, replace(usual, learning_rate=1.0))
        last = list(training)[-1]
        assert training._state.n_returns > 0
        assert last.phase == "finished" and last.update == usual.n_updates
        assert "diverged at update" in last.message and "lower learning rate" in last.message
        history = training.model().history_
        assert np.all(np.diff(history["update"]) > 0)
        wanted, reached = (h["test_pseudo_likelihood"][-1] for h in (expected.history_, history))
        shortfalls.append(wanted - reached)
    assert np.mean(shortfalls) < 0.004


def test_a_rescued_training_resumes_bit_for_bit(planted):
    spikes, _ = planted
    settings = Settings(n_hidden=5, n_updates=60, n_chains=20, learning_rate=5.0)
    expected = run(Training(spikes, settings))
    first = Training(spikes, settings)
    stop_at(first, 30)
    run(first)
    assert first._state.n_returns > 0
    second = Training(spikes, resume=first.checkpoint())
    assert same(run(second), expected)
    assert "diverged" in second._warnings()[0]


def test_parameters_that_are_no_numbers_are_noticed(planted):
    spikes, _ = planted
    training = Training(spikes, replace(SHORT, n_updates=120))
    advance = training._advance

    def poisoned() -> None:
        advance()
        if training.update == 60 and not training._state.n_returns:
            training.learner.hidden.delta[2] = np.nan

    training._advance = poisoned  # type: ignore[method-assign]
    last = list(training)[-1]
    assert training._state.n_returns == 1 and "diverged at update" in last.message
    assert np.isfinite(training.model().weights_).all()
