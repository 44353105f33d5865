"""Each check of the health of a recording finds what was put there, and nothing in a sound one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_crbm import Recording, Spikes
from napari_crbm.analysis import recording_health
from napari_crbm.analysis.health.finding import ranges_named, runs
from napari_crbm.analysis.health.mend import leaving_out, named_findings
from napari_crbm.preprocessing import preprocess
from napari_crbm.recording import Step

T, N = 600, 80


class Traces:
    """Fluorescence in memory."""

    def __init__(self, values):
        self.values = np.asarray(values, dtype=np.float32)
        self.shape = self.values.shape

    def frames(self, start, stop):
        return self.values[start:stop]

    def trace(self, neuron):
        return self.values[:, neuron]


def recording(change=None, **fields):
    rng = np.random.default_rng(5)
    raster = rng.random((T, N)) < 0.05
    xyz = rng.uniform(0, 1, (N, 3)) * [200, 500, 400]
    values = {"coordinates": xyz, "times": np.arange(T) / 4.0}
    if change is not None:
        change(raster, values)
    return Recording(spikes=Spikes.from_dense(raster), **(values | fields))


def kinds(health):
    return {each.kind for each in health.findings}


def only(health, kind):
    (found,) = [each for each in health.findings if each.kind == kind]
    return found


def test_a_sound_recording_has_no_findings():
    sound = recording(fluorescence=Traces(np.random.default_rng(0).normal(size=(T, N))))
    assert recording_health(sound).findings == ()
    assert str(recording_health(sound)) == "Nothing doubtful was found."


def _silent(raster, _):
    raster[:, [3, 17]] = False


def _always(raster, _):
    raster[:, 9] = True


def _equal(raster, _):
    raster[:, 41] = raster[:, 7]


def _same_place(_, values):
    values["coordinates"][12] = values["coordinates"][60]


def _lost(_, values):
    values["coordinates"][[2, 5]] = np.nan


def _gap(_, values):
    values["times"][200:] += 600


def _dropped(_, values):
    values["times"][100:] += 0.25
    values["times"][300:] += 0.5


def _irregular(_, values):
    values["times"] += 0.08 * np.random.default_rng(1).random(T)


def _crowded(raster, _):
    raster[[50, 51, 400], :70] = True


def _blank(raster, _):
    raster[250:290] = False


@pytest.mark.parametrize(
    ("change", "kind", "count", "where"),
    [
        (_silent, "silent neurons", 2, (3, 17)),
        (_always, "always active neurons", 1, (9,)),
        (_equal, "duplicate neurons", 2, (7, 41)),
        (_same_place, "duplicate positions", 2, (12, 60)),
        (_lost, "missing positions", 2, (2, 5)),
        (_gap, "segments", 1, (200,)),
        (_dropped, "dropped frames", 3, (100, 300)),
        (_crowded, "frames with nearly all neurons active", 3, (50, 51, 400)),
        (_blank, "blank frames", 40, tuple(range(250, 290))),
    ],
)
def test_each_fault_is_counted_and_placed(change, kind, count, where):
    health = recording_health(recording(change))
    found = only(health, kind)
    assert found.count == count and found.where == where
    assert found.text.endswith(".") and found.done.endswith(".")
    assert kinds(health) == {kind}


def test_units_of_one_electrode_share_its_position():
    made = recording(_same_place).with_step("bin spike times", bin_s=0.05)
    found = only(recording_health(made), "shared positions")
    assert found.count == 2 and found.severity == "note" and found.leave_out == ()
    assert "on the same electrodes" in found.text and not recording_health(made).problems


def test_irregular_times():
    found = only(recording_health(recording(_irregular)), "irregular times")
    assert found.count > 50 and "median" in found.text


def test_the_gap_says_how_long_it_is():
    assert "600 s are missing" in only(recording_health(recording(_gap)), "segments").text


@pytest.mark.parametrize(("scale", "words"), [(1000.0, "milliseconds"), (1e-5, "check them")])
def test_an_implausible_frame_rate_names_the_likely_unit(scale, words):
    found = only(recording_health(recording(times=scale * np.arange(T) / 4)), "frame rate")
    assert words in found.text and found.severity == "problem"


@pytest.mark.parametrize(("rate", "words"), [(0.002, "below the 0.5 %"), (0.4, "above the 20 %")])
def test_activity_outside_what_a_model_can_use(rate, words):
    raster = np.random.default_rng(2).random((T, N)) < rate
    assert words in only(recording_health(_with(raster)), "mean activity").text


def _with(raster, **fields):
    whole = recording()
    values = {"coordinates": whole.coordinates, "times": whole.times} | fields
    return Recording(spikes=Spikes.from_dense(raster), **values)


@pytest.mark.parametrize("late", [0.2, 5.0])
def test_drift_of_the_activity(late):
    rate = np.linspace(0.05, 0.05 * late, T)[:, None]
    raster = np.random.default_rng(2).random((T, N)) < rate
    found = only(recording_health(_with(raster)), "drift")
    assert ("falls" if late < 1 else "rises") in found.text


def test_slow_changes_that_come_and_go_are_no_drift():
    rate = 0.05 * (1 + 0.9 * np.sin(np.arange(T) / 60))[:, None]
    raster = np.random.default_rng(2).random((T, N)) < rate
    assert "drift" not in kinds(recording_health(_with(raster)))


def test_half_of_few_neurons_are_active_by_chance():
    raster = np.random.default_rng(2).random((T, 12)) < 0.2
    few = Recording(coordinates=None, spikes=Spikes.from_dense(raster), times=np.arange(T) / 4)
    assert raster.sum(axis=1).max() >= 6
    assert "frames with nearly all neurons active" not in kinds(recording_health(few))


def test_close_neighbours_that_share_light():
    rng = np.random.default_rng(3)
    centres = rng.uniform(0, 400, (60, 3))
    xyz = np.repeat(centres, 2, axis=0) + rng.normal(0, 1, (120, 3))
    own = rng.random((1500, 120)) < 0.05
    leak = own[:, np.arange(120) ^ 1] & (rng.random((1500, 120)) < 0.5)
    shared = Recording(
        coordinates=xyz, spikes=Spikes.from_dense(own | leak), times=np.arange(1500.0) / 3
    )
    assert "um" in only(recording_health(shared), "close neighbours").text
    alone = Recording(coordinates=xyz, spikes=Spikes.from_dense(own), times=shared.times)
    assert "close neighbours" not in kinds(recording_health(alone))


def test_traces_without_values_change_or_noise():
    traces = np.random.default_rng(0).normal(size=(T, N))
    traces[:, 4] = 1.0
    traces[:, 8] = np.nan
    traces[30, 11] = np.nan
    traces[:, 13] = 0
    traces[::50, 13] = 5
    health = recording_health(recording(fluorescence=Traces(traces)))
    found = {each.kind: each.where for each in health.findings}
    assert found == {
        "constant neurons": (4,),
        "neurons without fluorescence": (8,),
        "missing fluorescence": (11,),
        "neurons without noise": (13,),
    }
    assert recording_health(recording(fluorescence=Traces(traces)), traces=False).findings == ()


def test_long_traces_are_sampled(monkeypatch):
    from napari_crbm.analysis.health import traces as module

    monkeypatch.setattr(module, "MOST_VALUES", 80 * N)
    values = np.random.default_rng(0).normal(size=(T, N))
    values[:, 4] = 1.0
    (found,) = recording_health(recording(fluorescence=Traces(values))).findings
    assert found.where == (4,) and "of 80 sampled frames" in found.text


def test_what_was_left_out_and_assumed_is_said():
    steps = (
        Step("read Suite2p", {"cells_rejected": 12, "um_per_pixel": "1 (assumed)"}),
        Step("leave out bad frames", {"count": 20, "of": 620}),
        Step("select neurons", {"why": "in a region", "kept": N, "of": 100}),
    )
    health = recording_health(recording(provenance=steps))
    assert kinds(health) == {"rejected cells", "bad frames", "selected neurons", "assumed size"}
    assert "--um-per-pixel" in only(health, "assumed size").remedy
    assert only(health, "rejected cells").count == 12


def test_problems_come_first_and_plain_values_are_json():
    def change(raster, values):
        _silent(raster, values)
        _always(raster, values)
        values["coordinates"] = None

    health = recording_health(recording(change))
    assert [each.severity for each in health.findings] == ["problem", "note", "note"]
    assert [each.kind for each in health.problems] == ["always active neurons"]
    assert json.loads(json.dumps(health.as_dict()))[0]["where"] == [9]


def test_ranges_of_frames():
    assert runs([]) == [] and runs([1, 2, 3, 7, 9, 10]) == [(1, 3), (7, 7), (9, 10)]
    assert ranges_named([1, 2, 3, 7]) == "1-3, 7"
    assert ranges_named(list(range(0, 14, 2))) == "0, 2, 4, 6, 8 and 2 more"


def test_leaving_out_mends_what_it_offers():
    def change(raster, values):
        raster[:, 7] = raster[:, 30] = raster[:, 3]
        raster[100:103] = True
        raster[:, 5], raster[:, 6] = False, True
        values["coordinates"][20] = values["coordinates"][21]

    sick = recording(change)
    health = recording_health(sick)
    offered = {each.kind: each.leave_out for each in health.findings if each.leave_out}
    assert offered == {
        "always active neurons": (6,),
        "duplicate neurons": (7, 30),
        "duplicate positions": (21,),
        "frames with nearly all neurons active": (100, 101, 102),
        "silent neurons": (5,),
    }
    mended = preprocess(sick, leaving_out(health.findings))
    assert mended.spikes.shape == (T - 3, N - 5)
    assert not set(offered) & kinds(recording_health(mended))
    # One after the other is the same.
    one = preprocess(sick, leaving_out(named_findings(health, ["duplicate neurons"])))
    assert one.n_neurons == N - 2 and "duplicate neurons" not in kinds(recording_health(one))


def test_silence_is_not_blank_where_it_is_usual():
    def change(raster, _):
        # Bursts with silence between them, as of a slice.
        raster[:] = False
        raster[::15] = True
        raster[1::15, : N // 2] = True

    assert "blank frames" not in kinds(recording_health(recording(change)))
