import numpy as np
import pytest

from napari_crbm.analysis import STATISTICS, Outcome, evaluate, reconstruction_nllh
from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, DReLU
from napari_crbm.spikes import Spikes


@pytest.fixture(scope="module")
def model():
    """Eight units on a ring of 48 neurons; neighbours share neurons, every twelfth has none."""
    rng = np.random.default_rng(0)
    weights = np.zeros((48, 8), dtype=np.float32)
    for unit in range(8):
        weights[np.arange(6 * unit, 6 * unit + 9) % 48, unit] = rng.uniform(0.4, 0.6, 9)
    weights[5::12] = 0
    units = DReLU(*(np.full(8, value) for value in (1.0, 1.0, -0.5, -0.5)))
    return CRBM.from_parameters(weights, np.full(48, -3.0), units)


@pytest.fixture(scope="module")
def frames(model):
    drawn = model.sample(6000, n_chains=300, burn_in=200, thin=10, random_state=1)
    return drawn.select_frames(slice(0, 3000)), drawn.select_frames(slice(3000, 6000))


def test_a_model_describes_its_own_samples(model, frames):
    train, test = frames
    result = evaluate(model, train, test, n_samples=3000)
    assert list(result.table.index) == list(STATISTICS)
    # As good as independent draws from the very same distribution, up to their noise.
    # That of triplets has a standard deviation of 0.11 over seeds of the samples.
    off = result.table["nrmse"].abs()
    assert (off.drop("triplets") < 0.15).all() and off["triplets"] < 0.33
    assert (result.table.loc[["mean_v", "mean_h", "mean_vh", "cov_hh"], "pearson_r"] > 0.9).all()
    assert np.isfinite(result.pseudo_likelihood) and 0 < result.median_nllh < 1
    assert result.table.loc["cov_vv", "n"] == 48 * 47 // 2
    assert result.table.loc["mean_vh", "n"] == np.count_nonzero(model.weights_)
    assert "mean_v" in str(result)


def test_model_equal_to_train_gives_zero(model, frames):
    train, test = frames
    result = evaluate(model, train, test, samples=train)
    assert np.allclose(result.table["nrmse"], 0.0, atol=1e-9)


def test_independent_activity_misses_the_covariances(model, frames):
    train, test = frames
    rng = np.random.default_rng(2)
    independent = Spikes.from_dense(rng.random(train.shape) < train.mean_activity)
    table = evaluate(model, train, test, samples=independent).table
    assert table.loc["cov_vv", "nrmse"] > 0.6
    assert table.loc["mean_v", "nrmse"] < 0.3


def test_a_good_model_is_called_good_and_a_bad_one_not(model, frames):
    train, test = frames
    good = evaluate(model, train, test, n_samples=3000)
    assert good.judgement.outcome == Outcome.REPRODUCES
    assert good.table.loc["cov_vv", "low"] < 0.15
    assert 0 < good.shifted_nllh < good.median_nllh
    for known in ("one global unit", "independent neurons", "if each neuron is shifted"):
        assert known in str(good)
    assert good.warning is None and good.samples.settled
    assert abs(good.population.nrmse) < 0.5
    rng = np.random.default_rng(2)
    independent = Spikes.from_dense(rng.random(train.shape) < train.mean_activity)
    bad = evaluate(model, train, test, samples=independent)
    assert bad.judgement.outcome == Outcome.DOES_NOT_REPRODUCE
    assert "does not reproduce" in bad.verdict and "chance" in bad.verdict
    assert bad.table.loc["cov_vv", "explained"] == pytest.approx(0, abs=0.1)
    assert bad.population.nrmse == pytest.approx(1.0, abs=0.2)
    assert bad.table.loc["triplets", "nrmse"] > 0.6


def test_what_is_more_noise_than_signal_is_not_judged(model, frames):
    train, test = (part.select_frames(slice(0, 40)) for part in frames)
    result = evaluate(model, train, test, samples=frames[0])
    row = result.table.loc["cov_vv"]
    assert np.isnan(row["nrmse"]) and np.isnan(row["standard_error"])
    assert row["pearson_r"] > row["train_r"]
    said = f"r {row['pearson_r']:.2f}, training {row['train_r']:.2f}"
    assert result.score("cov_vv") == said
    assert result.judgement.outcome == Outcome.TOO_SHORT and "nan" not in result.verdict
    assert any("No interval of the nRMSE for" in note for note in result.notes)
    assert any("No explained share for" in note for note in result.notes)
    assert not any("nan" in note for note in result.notes)


def test_progress_is_told_to_its_end_and_can_cancel(model, frames):
    seen = []
    evaluate(model, *frames, n_samples=600, report=lambda done, total: seen.append(done))
    assert seen == sorted(seen) and 900 < seen[-1] <= 1000


def test_reconstruction_equals_its_definition(model, frames):
    test = frames[1]
    got = reconstruction_nllh(model, test)
    v = test.dense().astype(float)
    p = model.mean_v_from_h(model.transform(test)).astype(float)
    mean = v.mean(0)
    reached = np.log(v * p + (1 - v) * (1 - p)).mean(0)
    baseline = np.log(v * mean + (1 - v) * (1 - mean)).mean(0)
    assert np.allclose(got, (reached - baseline) / -baseline, atol=1e-5)
    alone = (model.weights_ == 0).all(axis=1)
    assert np.median(got[~alone]) > 0.1  # members are predicted
    assert abs(got[alone]).max() < 0.05  # neurons without weights are not


def test_silent_neurons_have_no_reconstruction(model, frames):
    raster = frames[1].dense()
    raster[:, 5] = 0
    got = reconstruction_nllh(model, Spikes.from_dense(raster))
    assert np.isnan(got[5]) and np.isfinite(np.delete(got, 5)).all()


def test_too_few_frames_are_refused(model, frames):
    with pytest.raises(ModelError, match="two test frames"):
        evaluate(model, frames[0], frames[1].select_frames(slice(0, 1)))
