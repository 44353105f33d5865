"""Splits: blocks apart by the memory of activity, whole segments, and drift that shows."""

from __future__ import annotations

import numpy as np
import pytest

from napari_crbm.autocorrelation import autocorrelation_frames
from napari_crbm.errors import ModelError
from napari_crbm.model import CRBM, Settings, Split, Training, split_blocks
from napari_crbm.model.training.evaluation import score
from napari_crbm.model.training.split import block_edges, split_for
from napari_crbm.recording import Recording
from napari_crbm.simulation import simulate_without_assemblies
from napari_crbm.spikes import Spikes


def lasting(n_frames: int = 1500, seed: int = 0) -> Spikes:
    return simulate_without_assemblies("autocorrelated", 100, n_frames, seed=seed).spikes


def parts_of(split: Split, n_frames: int) -> np.ndarray:
    """Part of each frame: 0 training, 1 test, 2 validation, -1 neither."""
    out = np.full(n_frames, -1)
    for which, frames in enumerate((split.train, split.test, split.validation)):
        assert (out[frames] == -1).all(), "no frame is in two parts"
        out[frames] = which
    return out


@pytest.mark.parametrize("choice", ["spread", "alike"])
def test_parts_are_farther_apart_than_activity_lasts(choice):
    spikes = lasting()
    gap = autocorrelation_frames(spikes)
    assert gap > 10
    split = split_blocks(spikes, choice=choice, validate=True)
    part = parts_of(split, 1500)
    for one in range(3):
        for other in range(one):
            distance = np.abs(np.subtract.outer(*(np.flatnonzero(part == k) for k in (one, other))))
            assert distance.min() > gap
    # Frames are lost at borders only.
    borders = np.flatnonzero(np.diff((part == -1).astype(int)) == 1)
    assert (part == -1).sum() == gap * len(borders)
    assert len(split.test) == pytest.approx(0.3 * 1500, rel=0.15)
    assert len(split.validation) == pytest.approx(0.1 * 1500, rel=0.2)
    again = split_blocks(spikes, choice=choice, validate=True)
    assert all(np.array_equal(again.frames()[k], v) for k, v in split.frames().items())


def test_the_default_does_not_look_at_the_activity():
    first, second = (split_blocks(lasting(seed=seed)) for seed in (0, 1))
    blocks = [np.unique(split.test * 10 // 1500).tolist() for split in (first, second)]
    assert blocks == [[3, 6, 9], [3, 6, 9]]


def test_drift_shows_by_default_and_less_in_the_published_choice():
    generator = np.random.default_rng(0)
    slope = generator.uniform(-1, 1, 200)
    chance = 0.1 * (1 + 0.8 * slope * np.linspace(-1, 1, 2000)[:, None])
    raster = generator.random(chance.shape) < chance
    difference = {}
    for choice in ("spread", "alike"):
        split = split_blocks(Spikes.from_dense(raster), choice=choice)
        means = [raster[frames].mean(axis=0) for frames in (split.train, split.test)]
        difference[choice] = np.corrcoef(means[1] - means[0], slope)[0, 1]
    assert difference["spread"] > 0.7
    assert abs(difference["alike"]) < difference["spread"] - 0.2


def test_the_published_choice_avoids_an_outlier_block():
    """A block unlike all others is neither trained on alone nor tested on by accident."""
    generator = np.random.default_rng(0)
    raster = generator.random((1000, 50)) < 0.05
    raster[400:500] = generator.random((100, 50)) < 0.5
    split = split_blocks(Spikes.from_dense(raster), choice="alike")
    means = [raster[part].mean() for part in (split.train, split.test)]
    worst = abs(raster[400:700].mean() - np.delete(raster, np.s_[400:700], axis=0).mean())
    assert abs(means[0] - means[1]) < worst


def test_nothing_can_be_held_out_and_too_few_frames_are_refused(planted):
    split = split_blocks(planted[0], 0)
    assert len(split.test) == 0 and len(split.train) == planted[0].n_frames
    assert list(split.frames()) == ["train", "test"]
    with pytest.raises(ModelError, match="too few to hold out"):
        split_blocks(Spikes.from_dense(np.ones((15, 4))))
    with pytest.raises(ModelError, match="10 of 10 blocks"):
        split_blocks(planted[0], 9, validate=True)


def test_blocks_do_not_cross_segments():
    segments = [(0, 310), (310, 350), (350, 1000)]
    edges = block_edges(1000, 10, segments)
    assert {310, 350} <= set(edges.tolist())
    assert edges[0] == 0 and edges[-1] == 1000
    # Short trials: several whole ones make a block.
    trials = [(start, start + 20) for start in range(0, 1000, 20)]
    edges = block_edges(1000, 10, trials)
    assert len(edges) == 11 and (edges % 20 == 0).all()
    spikes = lasting(1000)
    part = parts_of(split_blocks(spikes, segments=segments), 1000)
    assert part[309] == part[310] or -1 in part[300:320]


def test_a_training_takes_the_segments_of_its_recording():
    spikes = lasting(1000)
    recording = Recording(None, spikes, np.arange(1000.0), boundaries=(130, 270, 610))
    model = CRBM(n_hidden=3, n_updates=1, n_chains=5).fit(recording)
    expected = split_blocks(spikes, segments=recording.segments)
    np.testing.assert_array_equal(model.split_["test"], expected.test)
    assert not np.array_equal(expected.test, split_blocks(spikes).test)


def test_patience_decides_on_frames_that_the_model_is_not_judged_on(planted):
    settings = Settings(n_hidden=6, n_updates=20, n_chains=20, patience=3)
    training = Training(planted[0], settings)
    for _ in training:
        pass
    split = training.model().split_
    assert set(split) == {"train", "test", "validation"}
    row = {"test_pseudo_likelihood": -1.0, "validation_pseudo_likelihood": -2.0}
    assert score({**row, "pseudo_likelihood": -3.0}) == -2.0
    assert score({"test_pseudo_likelihood": -1.0, "pseudo_likelihood": -3.0}) == -3.0
    assert "validation_pseudo_likelihood" in training.history


def test_a_continued_training_keeps_its_split(planted):
    spikes, _ = planted
    settings = Settings(n_hidden=3, n_updates=20, n_chains=10)
    training = Training(spikes, settings, segments=[(0, 400), (400, 1500)])
    training.make_updates(1)
    state = training.checkpoint()
    continued = Training(spikes, resume=state)
    continued.make_updates(1)
    for name, frames in training.model().split_.items():
        np.testing.assert_array_equal(continued.model().split_[name], frames)
    assert split_for(spikes, settings, None, state).frames().keys() == state["split"].keys()
