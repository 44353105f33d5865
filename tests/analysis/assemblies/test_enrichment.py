"""Enrichment of regions against assemblies at random places, on planted truth and without any."""

import numpy as np
import pytest
from scipy import sparse

from napari_crbm.analysis import assembly_table, region_enrichment
from napari_crbm.analysis.assemblies.enrichment import enrichment_in_words
from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, DReLU, Members
from napari_crbm.recording import Recording
from napari_crbm.simulation import simulate


def model_of(inside):
    """A model whose assemblies have the given members."""
    n_neurons, n_units = inside.shape
    units = DReLU(np.ones(n_units), np.ones(n_units), np.zeros(n_units), np.zeros(n_units))
    members = Members(sparse.csc_array(inside.astype(np.float32)), "association")
    return CRBM.from_parameters(
        inside.astype(np.float32), np.zeros(n_neurons), units, members=members
    )


@pytest.fixture(scope="module")
def fish():
    return simulate(n_neurons=1500, n_frames=60, n_assemblies=3, seed=4).recording


def balls(recording, n, seed):
    """Compact assemblies around random neurons: they lie in regions, but not because of them."""
    rng = np.random.default_rng(seed)
    place = recording.positions
    inside = np.zeros((len(place), n), dtype=bool)
    for unit in range(n):
        centre = place[rng.integers(len(place))]
        inside[:, unit] = np.linalg.norm(place - centre, axis=1) < rng.uniform(50, 120)
    return inside[:, inside.sum(axis=0) > 4]


def test_assemblies_that_know_nothing_of_regions_are_rarely_enriched():
    found = []
    for seed in range(3):
        recording = simulate(n_neurons=1500, n_frames=60, n_assemblies=3, seed=seed).recording
        model = model_of(balls(recording, 60, seed))
        found += region_enrichment(model, recording)["enrichment_p"].tolist()
    found = np.array(found)
    # With 170 assemblies, 14 are beyond the 97.5 % quantile of the binomial with 0.05.
    assert len(found) > 150 and (found <= 0.05).sum() <= 14
    assert 0.3 < np.mean(found <= 0.5) < 0.65


def test_assemblies_that_fill_a_region_are_enriched_there(fish):
    rng = np.random.default_rng(0)
    names = [name for name in fish.regions.names if 12 <= len(fish.regions.members(name)) < 150]
    inside = np.zeros((fish.n_neurons, len(names)), dtype=bool)
    for unit, name in enumerate(names):
        members = fish.regions.members(name)
        inside[rng.choice(members, int(0.8 * len(members)), replace=False), unit] = True
    found = region_enrichment(model_of(inside), fish)
    named = found["enriched_region"] != ""
    assert named.mean() > 0.6
    assert (found["enriched_region"][named] == np.array(names)[named]).all()
    assert (found["enriched_fraction"][named] == 1).all()
    assert (found["enriched_by_chance"][named] < 0.6).all()
    row = found[named].iloc[0]
    assert enrichment_in_words(row).startswith(f"{row['enriched_region']} 100 % (by chance ")


def test_an_assembly_does_not_depend_on_the_others(fish):
    model = model_of(balls(fish, 6, 0))
    whole = region_enrichment(model, fish)
    assert region_enrichment(model, fish, [2]).loc[2].equals(whole.loc[2])
    table = assembly_table(model, fish, enrichment=whole)
    assert table["enrichment_p"].tolist() == whole["enrichment_p"].tolist()


def test_what_cannot_be_tested_has_no_p(fish):
    inside = balls(fish, 3, 1)
    inside[:, 0] = False
    inside[5, 0] = True
    model = model_of(inside)
    found = region_enrichment(model, fish)
    assert np.isnan(found["enrichment_p"][0]) and np.isfinite(found["enrichment_p"][1])
    for positions, regions in (
        (fish.positions, None),
        (fish.positions * (1, 0, 0), fish.regions),
    ):
        bare = Recording(positions, fish.spikes, fish.times, regions=regions)
        nothing = region_enrichment(model, bare)
        assert nothing["enrichment_p"].isna().all() and (nothing["enriched_region"] == "").all()


def test_another_recording_and_too_few_draws_are_refused(fish):
    model = model_of(balls(fish, 2, 0))
    with pytest.raises(ModelError, match="1,500 neurons"):
        region_enrichment(model, fish.select_neurons(np.arange(50), "some"))
    with pytest.raises(ModelError, match="at least 19"):
        region_enrichment(model, fish, n_draws=5)
