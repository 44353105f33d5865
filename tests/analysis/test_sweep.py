from __future__ import annotations

import os
import signal
import threading
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_crbm.analysis import Sweep, fold_frames, run_sweep, select
from napari_crbm.analysis import sweep_run as running
from napari_crbm.errors import CRBMError, FormatError, ModelError
from napari_crbm.io import load_model
from napari_crbm.model import Control, Settings
from napari_crbm.recording import Recording
from tests.conftest import planted_raster

SETTINGS = Settings.named("quick", n_updates=150, n_chains=30, n_threads=1)


@pytest.fixture(scope="module")
def recording():
    spikes, _ = planted_raster(n_neurons=120, n_frames=600, n_assemblies=3, size=25)
    rng = np.random.default_rng(0)
    return Recording(rng.random((120, 3)) * 100, spikes, np.arange(600) * 0.4, name="planted")


def finished(*arguments, **options) -> pd.DataFrame:
    *_, last = run_sweep(*arguments, **options)
    assert last.done == last.total
    return last.table


def test_folds_hold_out_every_frame_once_in_blocks():
    held_out = [fold_frames(1003, 3, fold)[1] for fold in range(3)]
    np.testing.assert_array_equal(np.sort(np.concatenate(held_out)), np.arange(1003))
    for fold, frames in enumerate(held_out):
        train = fold_frames(1003, 3, fold)[0]
        np.testing.assert_array_equal(np.union1d(train, frames), np.arange(1003))
        assert len(train) + len(frames) == 1003
        assert (np.diff(frames) > 1).sum() <= 3
    with pytest.raises(ModelError, match="too few"):
        fold_frames(19, 3, 0)


def test_grid_and_random_search():
    grid = Sweep(n_hidden=(5, 10), l1=(0.01, 0.02), seeds=(0, 1), n_folds=2).trials()
    assert len(set(grid)) == 16
    random = Sweep(n_hidden=(5, 80), l1=(0.001, 0.1), n_random=200, n_folds=2)
    assert random.trials() == random.trials()
    l1 = np.array([trial.l1 for trial in random.trials()])
    assert 0.001 <= l1.min() < l1.max() <= 0.1
    # Log-uniform: half of the draws below the geometric mean.
    assert np.mean(l1 < 0.01) == pytest.approx(0.5, abs=0.12)
    assert all(5 <= trial.n_hidden <= 80 for trial in random.trials())


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"n_hidden": ()}, "distinct values of n_hidden"),
        ({"seeds": (1, 1)}, "distinct values of seeds"),
        ({"n_folds": 1}, "folds"),
        ({"n_random": 3, "l1": ("auto", 0.1)}, "positive numbers"),
        ({"n_random": 0}, "at least 1"),
        ({"l1": (-1.0,)}, "l1 must be"),
    ],
)
def test_senseless_sweeps_are_refused(wrong, match):
    with pytest.raises(ModelError, match=match):
        Sweep(**wrong)


def results(scores: dict[tuple[int, float], list[float]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "n_hidden": n_hidden,
                "l1": l1,
                "learning_rate": 0.01,
                "seed": 0,
                "fold": fold,
                "status": "finished" if np.isfinite(score) else "TrainingCollapsed",
                "held_out_pseudo_likelihood": score,
                "fitted_n_hidden": n_hidden,
                "fitted_l1": l1,
            }
            for (n_hidden, l1), folds in scores.items()
            for fold, score in enumerate(folds)
        ]
    )


def test_the_smallest_of_equals_is_selected_paired_over_folds():
    folds = np.array([-0.30, -0.20, -0.10])
    table = results(
        {
            (5, 0.01): folds - 0.02 + [0.001, 0, -0.001],
            (10, 0.01): folds - 0.001 + [0.002, 0, -0.002],
            (10, 0.02): folds - 0.001 + [0.002, -0.002, 0],
            (20, 0.01): folds,
        }
    )
    selection = select(table)
    # 5 units are worse in every fold, though by less than folds differ among themselves.
    assert selection.configuration["n_hidden"] == 10
    assert selection.configuration["l1"] == 0.02
    row = selection.table.iloc[1]
    difference = np.array([-0.001, 0.001, 0.003])
    assert row["deficit"] == pytest.approx(difference.mean())
    assert row["standard_error"] == pytest.approx(difference.std(ddof=1) / np.sqrt(3))


def test_failed_configurations_are_out():
    table = results({(5, 0.1): [-0.1, np.nan, -0.1], (20, 0.1): [-0.3, -0.3, -0.3]})
    assert select(table).configuration["n_hidden"] == 20
    assert select(table).table["failed"].tolist() == [1, 0]
    with pytest.raises(ModelError, match="could be trained"):
        select(table[:3])


def test_sweep_in_process_repeats_nothing_and_scores_held_out_frames(
    recording, tmp_path, monkeypatch
):
    settings = replace(SETTINGS, n_updates=400, initialisation="random", l1_ramp=0.0)
    sweep = Sweep(n_hidden=(3,), l1=(0.0, 5.0), n_folds=2, settings=settings)
    table = finished(recording, sweep, tmp_path / "sweep", n_workers=1)
    assert table["status"].tolist() == ["finished"] * 2 + ["TrainingCollapsed"] * 2
    assert table["message"][2]
    for row in table[:2].itertuples():
        model = load_model(tmp_path / "sweep" / row.model)
        train, test = fold_frames(600, 2, row.fold)
        np.testing.assert_array_equal(model.split_["test"], test)
        np.testing.assert_array_equal(model.split_["train"], train)
        expected = model.pseudo_likelihood(recording.spikes.select_frames(test))
        assert row.held_out_pseudo_likelihood == expected
    monkeypatch.setattr(running, "run_trial", None)
    again = finished(recording, sweep, tmp_path / "sweep", n_workers=1)
    pd.testing.assert_frame_equal(again, table)
    assert select(table).configuration["l1"] == 0


def test_a_stopped_sweep_goes_on_to_the_same_table(recording, tmp_path):
    sweep = Sweep(n_hidden=(3,), n_folds=2, settings=SETTINGS)
    control = Control()
    table = finished(recording, sweep, tmp_path / "whole", n_workers=1)
    stopped = list(
        _stopping(
            run_sweep(recording, sweep, tmp_path / "halves", n_workers=1, control=control), control
        )
    )
    assert stopped[-1].done < stopped[-1].total
    pd.testing.assert_frame_equal(
        finished(recording, sweep, tmp_path / "halves", n_workers=1), table
    )
    assert not list((tmp_path / "halves").glob("*.checkpoint.h5"))


def _stopping(progress, control):
    for record in progress:
        yield record
        threading.Timer(0.3, control.stop).start()


def test_a_damaged_result_is_named(recording, tmp_path):
    sweep = Sweep(n_hidden=(3,), n_folds=2, settings=SETTINGS)
    path = tmp_path / f"{sweep.key(sweep.trials()[0], recording.spikes.fingerprint)}.json"
    path.write_text("{")
    with pytest.raises(FormatError, match=path.name):
        next(run_sweep(recording, sweep, tmp_path))


def test_a_killed_worker_changes_no_number(recording, tmp_path):
    """The worker is killed when its training has left a checkpoint; another goes on from it."""
    distributed = pytest.importorskip("distributed")
    long = Settings.named("quick", n_updates=1500, n_chains=60, n_threads=1)
    sweep = Sweep(n_hidden=(3,), n_folds=2, settings=long)
    expected = finished(recording, sweep, tmp_path / "calm", n_workers=1, n_threads=1)
    folder = tmp_path / "killed"
    killed: list[tuple[str, int]] = []
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        pid = next(iter(client.run(os.getpid).values()))

        def kill() -> None:
            deadline = time.monotonic() + 90
            while time.monotonic() < deadline:
                for checkpoint in folder.glob("*.checkpoint.h5"):
                    os.kill(pid, signal.SIGKILL)
                    killed.append((checkpoint.name, pid))
                    return
                time.sleep(0.02)

        killer = threading.Thread(target=kill)
        killer.start()
        table = finished(
            recording, sweep, folder, scheduler=cluster.scheduler_address, checkpoint_s=0.1
        )
        killer.join()
        assert next(iter(client.run(os.getpid).values())) != pid
    assert len(killed) == 1
    pd.testing.assert_frame_equal(table, expected)
    for name in table["model"]:
        one, other = (load_model(tmp_path / kind / name) for kind in ("calm", "killed"))
        np.testing.assert_array_equal(one.weights_, other.weights_)


def test_no_scheduler_at_the_address(recording, tmp_path):
    pytest.importorskip("distributed")
    sweep = Sweep(n_hidden=(3,), n_folds=2, settings=SETTINGS)
    with pytest.raises(CRBMError, match="no Dask scheduler"):
        list(run_sweep(recording, sweep, tmp_path, scheduler="nonsense://1"))


def test_a_checkpoint_of_another_version_is_not_a_failure(recording, tmp_path):
    from napari_crbm.io import load_checkpoint, save_checkpoint

    sweep = Sweep(n_hidden=(3,), n_folds=2, settings=SETTINGS)
    control = Control()
    control.stop()
    trial = sweep.trials()[0]
    key = sweep.key(trial, recording.spikes.fingerprint)
    path = running._stored_recording(recording, tmp_path)
    settings = sweep.settings_of(trial)
    running.run_trial(settings, trial, 2, key, path, tmp_path, 30.0, control)
    checkpoint = tmp_path / f"{key}.checkpoint.h5"
    save_checkpoint({**load_checkpoint(checkpoint), "version": 1}, checkpoint)
    table = finished(recording, sweep, tmp_path, n_workers=1)
    assert (table["status"] == "finished").all()
