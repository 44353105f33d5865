"""What is said of a model: one outcome, with what was compared and advice that fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from napari_crbm import CRBM
from napari_crbm.analysis import Outcome, evaluate_held_out
from napari_crbm.analysis.statistics.explained import Explained
from napari_crbm.analysis.statistics.registry import STATISTICS
from napari_crbm.analysis.statistics.verdict import Estimate, Findings, verdict
from napari_crbm.simulation import simulate, simulate_without_assemblies

NAN = float("nan")


def share(value: float, train: float = 0.97, error: float = 0.02) -> Explained:
    return Explained(value, error, value - 0.05, value + 0.05, train, error, 9.0)


NO_SHARE = Explained(NAN, NAN, NAN, NAN, NAN, NAN, 1.0, "it is not clearly above noise")
GOOD = Findings(
    n_tested=8,
    n_certain=8,
    n_frames=900,
    n_blocks=20,
    gain=Estimate(0.02, 0.001),
    train_gain=Estimate(0.022, 0.001),
    over_population=Estimate(0.015, 0.001),
    explained={name: share(0.95) for name in ("mean_vh", "cov_vv", "cov_hh")},
    nrmse={n: Estimate(0.02, 0.05) for n, each in STATISTICS.items() if each.judged},
)


def without(name: str, **changes: object) -> Findings:
    """Return good findings with another share or nRMSE of one statistic."""
    return replace(
        GOOD,
        explained=GOOD.explained | {name: changes.get("share", NO_SHARE)},
        nrmse=GOOD.nrmse | {name: changes.get("nrmse", GOOD.nrmse[name])},
    )


CASES = [
    (GOOD, Outcome.REPRODUCES, ("all 5 statistics", "95 ± 2 %", "the training frames, 97 ± 2 %")),
    (replace(GOOD, n_frames=40), Outcome.TOO_SHORT, ("40 held-out frames, and 60",)),
    (replace(GOOD, n_blocks=4), Outcome.TOO_SHORT, ("4 stretches", "and 5 are needed")),
    # Drift of all neurons leaves few independent stretches, but must not hide that there are no
    # assemblies.
    (replace(GOOD, n_blocks=4, n_certain=0), Outcome.NO_EVIDENCE, ("none of 8 units",)),
    (replace(GOOD, n_certain=0), Outcome.NO_EVIDENCE, ("none of 8 units", "More updates do not")),
    (
        replace(GOOD, n_tested=0, n_certain=0),
        Outcome.NO_EVIDENCE,
        ("no hidden unit has two members",),
    ),
    (
        replace(GOOD, n_certain=0, gain=Estimate(-0.001, 0.001)),
        Outcome.NO_EVIDENCE,
        ("no better than independent neurons", "-0.0010 ± 0.0010 nats"),
    ),
    (
        replace(GOOD, n_certain=0, over_population=Estimate(0.0, 0.001)),
        Outcome.NO_EVIDENCE,
        ("no better than one global unit",),
    ),
    (replace(GOOD, settled=False), Outcome.NOT_SETTLED, ("cannot be said", "fewer assemblies")),
    (replace(GOOD, gain=Estimate(-0.01, 0.001)), Outcome.OVERFITTED, ("mean activities",)),
    (
        replace(GOOD, over_population=Estimate(-0.01, 0.001)),
        Outcome.OVERFITTED,
        ("worse than one global unit", "stronger penalty"),
    ),
    (
        replace(GOOD, train_gain=Estimate(0.04, 0.001)),
        Outcome.OVERFITTED,
        ("+0.0200 ± 0.0010", "+0.0400 ± 0.0010", "fewer assemblies"),
    ),
    (without("cov_vv", share=share(0.3, 0.35)), Outcome.IRREGULAR, ("only 35 ± 2 %", "drift")),
    (replace(GOOD, n_left_over=1), Outcome.TOO_FEW_UNITS, ("1 component ", "1 more assembly.")),
    (replace(GOOD, n_left_over=3), Outcome.TOO_FEW_UNITS, ("3 components", "3 more assemblies.")),
    (
        without("cov_hh", share=share(0.6)),
        Outcome.DOES_NOT_REPRODUCE,
        ("covariances of assemblies (nRMSE 0.02 ± 0.05, explained share 60 ± 2 %)", "more updates"),
    ),
    (
        without("mean_vh", nrmse=Estimate(0.7, 0.1)),
        Outcome.DOES_NOT_REPRODUCE,
        ("neuron-assembly moments (nRMSE 0.70 ± 0.10)", "another penalty"),
    ),
    (
        without("cov_vv", nrmse=Estimate(0.1, 0.6)),
        Outcome.TOO_SHORT,
        ("covariances of neurons are too uncertain (nRMSE 0.10 ± 0.60)",),
    ),
    (
        without("cov_hh", nrmse=Estimate(NAN, NAN)),
        Outcome.REPRODUCES,
        ("the other 4 statistics", "covariances of assemblies are too uncertain to say"),
    ),
    # One clear failure is enough, whatever the other measure says.
    (
        without("cov_vv", share=share(0.52, error=0.22), nrmse=Estimate(0.45, 0.09)),
        Outcome.DOES_NOT_REPRODUCE,
        ("covariances of neurons (nRMSE 0.45 ± 0.09, explained share 52 ± 22 %)",),
    ),
    # Not clearly worse than the limits, and not within them: neither may be claimed.
    (
        without("cov_vv", share=share(0.52, error=0.25), nrmse=Estimate(0.45, 0.2)),
        Outcome.TOO_SHORT,
        ("neurons are too uncertain (nRMSE 0.45 ± 0.20, explained share 52 ± 25 %)",),
    ),
    # The noise of the training frames is the scale of the nRMSE: a small one is not enough.
    (
        without("cov_vv", share=share(0.32, train=1.02, error=0.39), nrmse=Estimate(0.05, 0.1)),
        Outcome.TOO_SHORT,
        ("neurons are too uncertain (nRMSE 0.05 ± 0.10, explained share 32 ± 39 %)",),
    ),
    (
        without("cov_vv", share=share(0.74, error=0.1), nrmse=Estimate(0.05, 0.1)),
        Outcome.REPRODUCES,
        ("all 5 statistics", "74 ± 10 %"),
    ),
    (
        without("cov_hh", share=share(0.7, error=0.2), nrmse=Estimate(0.34, 0.2)),
        Outcome.REPRODUCES,
        ("the other 4 statistics", "covariances of assemblies are too uncertain to say"),
    ),
]


@pytest.mark.parametrize(("found", "outcome", "said"), CASES)
def test_each_finding_has_its_outcome_and_sentence(found, outcome, said):
    given = verdict(found)
    assert given.outcome == outcome
    for part in said:
        assert part in str(given)
    assert "nan" not in str(given)


def test_a_difference_within_its_error_decides_nothing():
    for changes in (
        {"gain": Estimate(-0.001, 0.001), "train_gain": Estimate(0.001, 0.001)},
        {"over_population": Estimate(-0.001, 0.001)},
        {"train_gain": Estimate(0.04, 0.02)},
    ):
        assert verdict(replace(GOOD, **changes)).outcome == Outcome.REPRODUCES
    found = verdict(without("cov_hh", share=share(0.8, error=0.1)))
    assert found.outcome == Outcome.REPRODUCES and "all 5" in found.sentence


def test_no_more_is_asked_than_the_training_frames_explain():
    found = without("cov_hh", share=share(0.72, train=0.75))
    assert verdict(found).outcome == Outcome.REPRODUCES


@pytest.mark.parametrize("kind", ["gain", "autocorrelated"])
def test_models_of_recordings_without_assemblies_get_no_praise(kind):
    recording = simulate_without_assemblies(kind, 300, 1500, seed=0)
    model = CRBM(n_updates=300, n_threads=1).fit(recording)
    found = evaluate_held_out(model, recording, n_samples=600, n_chains=60)
    assert found.judgement.outcome == Outcome.NO_EVIDENCE
    assert "reproduces" not in found.verdict
    if kind == "autocorrelated":
        # A common gain does help to predict; activity that lasts does not.
        assert "no better than independent neurons" in found.verdict


def test_a_model_of_planted_assemblies_is_not_accused():
    recording = simulate(n_neurons=500, n_frames=2000, n_assemblies=8, seed=0).recording
    model = CRBM(n_updates=300, n_threads=1).fit(recording)
    found = evaluate_held_out(model, recording, n_samples=600, n_chains=60)
    assert found.findings.gain.above(0.01) and found.findings.over_population.above(0)
    assert "are certain" in found.verdict
    assert found.judgement.outcome not in (Outcome.NO_EVIDENCE, Outcome.OVERFITTED)
