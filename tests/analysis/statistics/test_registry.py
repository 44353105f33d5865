"""A statistic is declared once: everything that shows or judges statistics follows."""

import numpy as np
import pandas as pd
import pytest

from napari_crbm.analysis import STATISTICS, Statistic, evaluate, export_evaluation
from napari_crbm.figures import statistics_page
from napari_crbm.model import CRBM, DReLU
from napari_crbm.spikes import Spikes


@pytest.fixture
def variances(monkeypatch):
    """Variances of neurons, declared as a further statistic."""
    declared = Statistic(
        "var_v",
        "var(v)",
        "Variances of neurons",
        "neuron",
        "variances of neurons",
        "Variance of every neuron.",
        lambda side: side.moments.mean_v * (1 - side.moments.mean_v),
    )
    monkeypatch.setitem(STATISTICS, "var_v", declared)
    return declared


@pytest.fixture
def case():
    weights = np.zeros((12, 2), dtype=np.float32)
    weights[:5, 0] = weights[6:11, 1] = 0.7
    units = DReLU(*(np.full(2, value) for value in (1.0, 1.0, -0.5, -0.5)))
    model = CRBM.from_parameters(weights, np.linspace(-3, -1, 12), units)
    drawn = model.sample(1200, n_chains=60, burn_in=50, thin=5, random_state=1)
    return model, *(drawn.select_frames(slice(a, a + 400)) for a in (0, 400, 800))


def test_a_new_statistic_is_evaluated_judged_written_and_drawn(variances, case, tmp_path):
    model, train, test, samples = case
    result = evaluate(model, train, test, samples=samples)
    row = result.table.loc["var_v"]
    assert row["n"] == 12 and np.isfinite(row["nrmse"]) and row["standard_error"] > 0
    p = test.mean_activity
    np.testing.assert_allclose(result.pairs["var_v"][0], p * (1 - p))
    assert "var_v" in str(result)
    export_evaluation(result, tmp_path)
    assert "var_v" in pd.read_csv(tmp_path / "statistics.csv")["statistic"].tolist()
    titles = [ax.get_title() for ax in statistics_page(result).axes]
    assert any(title.startswith("var(v)") for title in titles)


def test_the_verdict_names_the_statistic_that_fails(variances, case):
    model, train, test, samples = case
    others = Spikes.from_dense(samples.dense()[:, ::-1])
    wrong = evaluate(model, train, test, samples=others)
    assert wrong.table.loc["var_v", "low"] > 0.15
    assert f"{STATISTICS['var_v'].phrase} (nRMSE" in wrong.verdict
    assert "does not reproduce" in wrong.verdict


def test_every_statistic_says_what_it_is():
    for name, each in STATISTICS.items():
        assert name == each.name and each.label and each.phrase
        assert each.definition.endswith(".") and each.definition[0].isupper()
