"""What is said of a model: nothing good of one whose recording holds no assemblies."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from napari_crbm import CRBM
from napari_crbm.analysis import evaluate_held_out
from napari_crbm.analysis.evidence.assessment import Evidence
from napari_crbm.analysis.statistics.declared import STATISTICS
from napari_crbm.analysis.statistics.verdict import verdict
from napari_crbm.simulation import simulate, simulate_without_assemblies


def table_of(nrmse: float) -> pd.DataFrame:
    columns = {"nrmse": nrmse, "pearson_r": 0.9, "train_r": 0.95}
    return pd.DataFrame(columns, index=list(STATISTICS))


def evidence_of(certain: int, units: int = 5) -> Evidence:
    q = np.where(np.arange(units) < certain, 0.001, 0.6)
    table = pd.DataFrame({"coincidence": 0.0, "p": q, "q": q, "certain": q < 0.05})
    return Evidence(table, 400, 1, 0, 0.0)


def test_without_evidence_of_assemblies_no_statistic_is_praised():
    text = verdict(table_of(0.0), evidence_of(0))
    assert text.startswith("There is no evidence of assemblies")
    assert "none of 5 units" in text
    assert "reproduces all" not in text
    assert "Train longer" not in text


def test_with_evidence_it_comes_before_the_fit():
    text = verdict(table_of(0.0), evidence_of(3))
    assert text.startswith("3 of 5 assemblies are certain")
    assert "reproduces all five statistics" in text


def test_a_model_that_predicts_no_better_than_independent_neurons_is_called_so():
    assert "no better than independent neurons" in verdict(
        table_of(0.0), None, likelihood=-0.15, independent=-0.14
    )
    assert "independent" not in verdict(table_of(0.0), None, likelihood=-0.12, independent=-0.14)


@pytest.mark.parametrize("kind", ["gain", "autocorrelated"])
def test_models_of_recordings_without_assemblies_get_no_praise(kind):
    recording = simulate_without_assemblies(kind, 300, 1500, seed=0)
    model = CRBM(n_updates=300, n_threads=1).fit(recording)
    found = evaluate_held_out(model, recording, n_samples=600, n_chains=60)
    assert "There is no evidence of assemblies" in found.verdict
    assert "reproduces" not in found.verdict.replace("What the model reproduces", "")
    if kind == "autocorrelated":
        # A common gain does help to predict; activity that lasts does not.
        assert "no better than independent neurons" in found.verdict


def test_a_model_of_planted_assemblies_is_not_accused():
    recording = simulate(n_neurons=500, n_frames=2000, n_assemblies=8, seed=0).recording
    model = CRBM(n_updates=300, n_threads=1).fit(recording)
    found = evaluate_held_out(model, recording, n_samples=600, n_chains=60)
    assert found.pseudo_likelihood > found.independent + 0.01
    assert "are certain" in found.verdict
    assert "no evidence" not in found.verdict
