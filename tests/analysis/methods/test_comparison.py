"""Other methods on the same footing: against brute force, and on planted assemblies."""

import numpy as np
import pytest

from napari_crbm.analysis import (
    BETTER,
    METHODS,
    compare_methods,
    model_recovery,
    reconstruction_nllh,
    recovery,
)
from napari_crbm.analysis.matching.recovery import RECOVERED_AUROC
from napari_crbm.analysis.methods.comparison import _FIT, _Data
from napari_crbm.errors import ModelError
from napari_crbm.figures import methods_figure
from napari_crbm.model import CRBM
from napari_crbm.simulation import simulate

pytest.importorskip("sklearn")


@pytest.fixture(scope="module")
def case():
    simulation = simulate(n_neurons=400, n_frames=1500, n_assemblies=6, seed=0)
    spikes = simulation.recording.spikes
    model = CRBM(n_hidden=8, n_updates=300, n_chains=100, random_state=0).fit(spikes)
    return model, spikes, simulation.truth.membership


@pytest.fixture(scope="module")
def table(case):
    model, spikes, planted = case
    return compare_methods(model, spikes, planted=planted)


def test_every_method_has_a_row(case, table):
    model, spikes, _ = case
    assert tuple(table.index) == METHODS
    assert table["generative"].tolist() == [True] * 2 + [False] * 6
    fixed = table.drop(index="ICA")["components"]
    assert (fixed == 8).all() and 4 <= table.loc["ICA", "components"] <= 12
    test = spikes.select_frames(model.split_["test"])
    expected = np.nanmedian(reconstruction_nllh(model, test))
    assert table.loc["cRBM", "reconstruction"] == pytest.approx(expected)


def test_rotations_bring_back_the_same(table):
    linear = table.loc[["PCA", "PCA varimax", "PCA promax"], "reconstruction"]
    assert np.ptp(linear) < 1e-6


def test_methods_find_planted_assemblies_and_beat_the_mean(case, table):
    assert (table["reconstruction"].drop(["cRBM", "cRBM by weight"]) > 0).all()
    # Nearly half of the neurons are in no assembly and have no weights: the median is at zero.
    model, spikes, _ = case
    test = spikes.select_frames(model.split_["test"])
    assert np.nanmean(reconstruction_nllh(model, test)) > 0.05
    assert table.loc["cRBM", "recovered"] > 0.8
    assert table.loc["PCA varimax", "cosine"] > table.loc["PCA", "cosine"]
    assert (table.loc[["PCA varimax", "PCA promax", "ICA"], "auroc"] > 0.9).all()
    assert (table.loc[["NMF", "k-means"], "auroc"] > 0.75).all()


def test_the_model_is_ranked_by_association_and_by_weight(case, table):
    model, spikes, planted = case
    by_weight = recovery(model.weights_, planted)
    assert table.loc["cRBM by weight", "auroc"] == pytest.approx(by_weight["auroc"].mean())
    assert table.loc["cRBM by weight", "f1"] == pytest.approx(by_weight["f1"].mean())
    known = model_recovery(model, spikes, planted)
    for column in ("auroc", "f1", "cosine"):
        assert table.loc["cRBM", column] == pytest.approx(known[column].mean())
    assert known["auroc_weight"].mean() == pytest.approx(by_weight["auroc"].mean())
    # One of the six assemblies is hardly found in so few frames, by either.
    found = known[known["auroc"] > RECOVERED_AUROC]
    assert len(found) >= 5
    assert found["auroc"].mean() > found["auroc_weight"].mean() + 0.005


def test_linear_rates_against_brute_force(case):
    model, spikes, _ = case
    train = spikes.select_frames(model.split_["train"])
    data = _Data(train, 5, 0)
    frames = train.dense(slice(0, 20)).astype(np.float64)
    dense = train.dense().astype(np.float64)
    mean, spread = dense.mean(axis=0), dense.std(axis=0)
    spread[spread == 0] = 1
    scored = (dense - mean) / spread
    _, _, basis = np.linalg.svd(scored, full_matrices=False)
    wanted = mean + spread * ((frames - mean) / spread @ basis[:5].T @ basis[:5])
    np.testing.assert_allclose(_FIT["PCA"](data).rates(frames), wanted, atol=0.02)


def test_noise_is_not_brought_back():
    noise = simulate(n_neurons=200, n_frames=800, n_assemblies=1, seed=1).recording.spikes
    generator = np.random.default_rng(0)
    shuffled = np.array([generator.permutation(row) for row in noise.dense().T]).T
    from napari_crbm.spikes import Spikes

    spikes = Spikes.from_dense(shuffled)
    model = CRBM(n_hidden=3, n_updates=20, initialisation="random", l1=0.0).fit(spikes)
    table = compare_methods(model, spikes, methods=("PCA varimax", "k-means"))
    assert (table["reconstruction"] < 0.05).all() and "recovered" not in table


def test_what_does_not_fit_is_said(case):
    model, spikes, _ = case
    with pytest.raises(ModelError, match="No method 'tSNE'"):
        compare_methods(model, spikes, methods=("tSNE",))
    with pytest.raises(ModelError, match="400 neurons, the recording 399"):
        compare_methods(model, spikes.select_neurons(np.arange(399)))


def test_the_figure_names_all_methods(table):
    figure = methods_figure(table)
    texts = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    assert set(texts) == set(METHODS) and len(figure.axes) == 3


def test_the_command_writes_table_and_figure(tmp_path):
    from typer.testing import CliRunner

    from napari_crbm.cli.app import app
    from napari_crbm.viewer.sample_data import sample_folder

    folder = sample_folder()
    arguments = ["compare", str(folder / "model.h5"), str(folder / "recording.h5")]
    arguments += ["--methods", "cRBM, PCA varimax", "-o", str(tmp_path / "t.csv")]
    done = CliRunner().invoke(app, [*arguments, "--figure", str(tmp_path / "f.png")])
    assert done.exit_code == 0, done.output
    for direction, columns in BETTER.items():
        assert (
            f"{columns[0].capitalize()}" in done.output and f"{direction} is better" in done.output
        )
    assert (tmp_path / "t.csv").read_text().count("\n") == 3 and (tmp_path / "f.png").exists()


def test_seconds_are_those_of_the_method_alone(case, monkeypatch):
    """The PCA that several methods share is charged to each of them, not to the first."""
    import napari_crbm.analysis.methods.comparison as module

    now = [0.0]
    monkeypatch.setattr(module.time, "perf_counter", lambda: now[0])
    fit = module._Data.scored

    def slow(self, frames):
        if not self.has_pca:
            now[0] += 10
        return fit(self, frames)

    monkeypatch.setattr(module._Data, "scored", slow)
    model, spikes, _ = case
    table = compare_methods(model, spikes, methods=("PCA", "PCA varimax", "NMF", "cRBM"))
    assert table["seconds"].tolist()[:3] == [10, 10, 0]
    assert table.loc["cRBM", "seconds"] == model.history_["elapsed_s"][-1] > 0


def test_a_limit_on_independent_components_is_told(case, monkeypatch):
    import napari_crbm.analysis.methods.comparison as module

    model, spikes, _ = case
    monkeypatch.setattr(module, "_FEWEST_PRINCIPAL", 3)
    few = CRBM(n_hidden=3, n_updates=20, random_state=0).fit(spikes)
    table = compare_methods(few, spikes, methods=("PCA", "ICA"))
    assert table.loc["ICA", "components"] == 3 and "only the first 3" in table.loc["ICA", "note"]
    assert table.loc["PCA", "note"] == ""
    assert compare_methods(model, spikes, methods=("ICA",)).loc["ICA", "note"] == ""
