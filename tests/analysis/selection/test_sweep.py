from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from napari_crbm.analysis import (
    Folds,
    Selection,
    Sweep,
    conclude_sweep,
    run_sweep,
    select,
    stability,
)
from napari_crbm.analysis.selection import run as running
from napari_crbm.analysis.selection.cluster import connected
from napari_crbm.analysis.selection.sweep import BLOCKS
from napari_crbm.errors import CRBMError, FormatError, ModelError
from napari_crbm.io import load_checkpoint, load_model, save_checkpoint, save_recording
from napari_crbm.model import Control, Settings, Training, split_blocks
from napari_crbm.recording import Recording
from tests.conftest import planted_raster

SETTINGS = Settings.named("quick", n_updates=150, n_chains=30, n_threads=1)


def planted_recording(n_frames: int = 600) -> Recording:
    spikes, _ = planted_raster(n_neurons=120, n_frames=n_frames, n_assemblies=3, size=25)
    rng = np.random.default_rng(0)
    return Recording(rng.random((120, 3)) * 100, spikes, np.arange(n_frames) * 0.4, name="planted")


@pytest.fixture(scope="module")
def recording():
    return planted_recording()


@pytest.fixture
def stopping(monkeypatch):
    """Within this context trainings stop after their first update."""
    advance = Training._advance

    def first_only(training: Training) -> None:
        advance(training)
        training.control.stop()

    @contextmanager
    def context():
        with monkeypatch.context() as patch:
            patch.setattr(Training, "_advance", first_only)
            yield

    return context


def finished(*arguments, **options) -> pd.DataFrame:
    *_, last = run_sweep(*arguments, **options)
    assert last.done == last.total
    return last.table


def folds_of(recording: Recording, n_folds: int = 3, **options) -> Folds:
    return Folds.of(recording, Settings(**options), n_folds)


def test_folds_hold_out_every_block_once_apart_from_the_test_blocks(recording):
    split = split_blocks(recording.spikes)
    folds = folds_of(recording)
    assert folds.gap > 1
    parts = [folds.frames(fold) for fold in range(3)]
    seen = np.concatenate([held_out for _, held_out in parts])
    assert len(np.unique(seen)) == len(seen) > 0.8 * len(split.train)
    for train, held_out in parts:
        assert np.isin(np.concatenate([train, held_out]), split.train).all()
        assert abs(train[:, None] - held_out).min() > folds.gap
    assert set(folds.block.tolist()) == {-1, *range(10)}


def test_folds_use_all_frames_if_the_final_model_does(recording):
    folds = folds_of(recording, 2, n_test_blocks=0)
    assert (folds.block == np.arange(600) // 60).all()
    short = Recording(None, recording.spikes.select_frames(slice(19)), np.arange(19.0))
    with pytest.raises(ModelError, match="too few"):
        folds_of(short)


def test_blocks_of_folds_do_not_cross_segments(recording):
    parted = replace(recording, boundaries=(130, 210, 480))
    block = folds_of(parted).block
    for border in (130, 210, 480):
        assert block[border - 1] != block[border] or block[border] < 0
    assert block.max() <= 9


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
    """Five blocks a fold, whose mean is the score of the fold."""
    spread = np.array([-2, -1, 0, 1, 2]) * 1e-5
    return pd.DataFrame(
        [
            {
                **dict.fromkeys(BLOCKS, np.nan),
                **{BLOCKS[2 * k + fold]: score + spread[k] for k in range(5)},
                "n_hidden": n_hidden,
                "l1": l1,
                "learning_rate": 0.01,
                "seed": 0,
                "fold": fold,
                "status": "finished" if np.isfinite(score) else "TrainingCollapsed",
                "idle_units": 0.0,
                "duplicate_units": 0.5,
                "fitted_n_hidden": n_hidden,
                "fitted_l1": l1,
            }
            for (n_hidden, l1), folds in scores.items()
            for fold, score in enumerate(folds)
        ]
    )


def test_the_smallest_of_equals_is_selected_paired_over_blocks():
    folds = np.array([-0.30, -0.10])
    table = results(
        {
            (5, 0.01): folds - 0.02 + [0.001, -0.001],
            (10, 0.01): folds - 0.0004 + [0.002, -0.002],
            (10, 0.02): folds - 0.0004 + [-0.002, 0.002],
            (20, 0.01): folds,
        }
    )
    # What makes a block hard for all models alike is no uncertainty.
    table[list(BLOCKS)] += np.linspace(-0.05, 0.05, 10)
    selection = select(table)
    # 5 units are worse in every block, though by less than blocks differ among themselves.
    assert selection.configuration["n_hidden"] == 10
    assert selection.configuration["l1"] == 0.02
    row = selection.table.iloc[1]
    difference = np.repeat([0.0004 - 0.002, 0.0004 + 0.002], 5)
    assert row["deficit"] == pytest.approx(difference.mean())
    assert row["standard_error"] == pytest.approx(difference.std(ddof=1) / np.sqrt(10))
    assert row["spare_units"] == 0.5
    assert "10 hidden units" in selection.verdict and "end of the range" not in selection.verdict


def test_the_verdict_warns_of_what_cannot_be_trusted():
    chosen = select(results({(5, 0.1): [-0.2, -0.2], (9, 0.1): [-0.1, -0.1]}))
    assert "end of the range tried: try more" in chosen.verdict
    found = Selection(chosen.table.assign(stable=[5.0, 2.0]), chosen.rule)
    assert (
        "2.0 of them are found again in trainings of other folds" in found.verdict
        and "That is few" in found.verdict
    )


def test_duplicates_say_that_a_model_is_too_large():
    table = results({(5, 0.1): [-0.2, -0.2], (10, 0.1): [-0.1, -0.1], (20, 0.1): [-0.09, -0.09]})
    assert select(table).configuration["n_hidden"] == 20
    table.loc[table["n_hidden"] == 20, "duplicate_units"] = 3.0
    assert select(table).configuration["n_hidden"] == 10
    assert select(table).table["deficit"].tolist() == pytest.approx([0.1, 0, -0.01])
    table["duplicate_units"] = 3.0
    assert select(table).configuration["n_hidden"] == 20


def test_a_few_duplicates_in_a_large_model_are_no_reason_against_it():
    table = results({(10, 0.1): [-0.2, -0.2], (30, 0.1): [-0.1, -0.1]})
    table.loc[table["n_hidden"] == 30, "duplicate_units"] = 2.5
    assert select(table).configuration["n_hidden"] == 30
    table.loc[table["n_hidden"] == 30, "duplicate_units"] = 3.5
    assert select(table).configuration["n_hidden"] == 10


def test_failed_configurations_are_out():
    table = results({(5, 0.1): [-0.1, np.nan], (20, 0.1): [-0.3, -0.3]})
    assert select(table).configuration["n_hidden"] == 20
    assert select(table).table["failed"].tolist() == [1, 0]
    with pytest.raises(ModelError, match="could be trained"):
        select(table[:2])


def test_sweep_in_process_repeats_nothing_and_scores_held_out_frames(
    recording, tmp_path, monkeypatch
):
    settings = replace(SETTINGS, initialisation="random")
    sweep = Sweep(n_hidden=(3,), l1=(0.0, 5.0), n_folds=2, settings=settings)
    table = finished(recording, sweep, tmp_path / "sweep", n_workers=1)
    assert table["status"].tolist() == ["finished"] * 2 + ["TrainingCollapsed"] * 2
    assert table["message"][2]
    for row in table[:2].itertuples():
        model = load_model(tmp_path / "sweep" / row.model)
        folds = sweep.folds(recording)
        train, test = folds.frames(row.fold)
        np.testing.assert_array_equal(model.split_["test"], test)
        np.testing.assert_array_equal(model.split_["train"], train)
        expected = model.pseudo_likelihood(recording.spikes.select_frames(test))
        assert row.held_out_pseudo_likelihood == expected
        for k, name in enumerate(BLOCKS):
            part = test[folds.block[test] == k]
            assert (len(part) > 0) == (k % 2 == row.fold)
            known = np.nan
            if len(part):
                frames = recording.spikes.select_frames(part)
                known = model.pseudo_likelihood(frames, neurons_per_frame=32)
            assert table.loc[row.Index, name] == pytest.approx(known, nan_ok=True, rel=1e-12)
    monkeypatch.setattr(running, "run_trial", None)
    again = finished(recording, sweep, tmp_path / "sweep", n_workers=1)
    pd.testing.assert_frame_equal(again, table)
    assert select(table).configuration["l1"] == 0


def test_the_selected_model_is_trained_as_any_other_and_knows_what_comes_back(tmp_path, stopping):
    # Of the three assemblies two units find two, six units all. Each training sees a third.
    recording = planted_recording(1000)
    settings = replace(SETTINGS, n_updates=250)
    sweep = Sweep(n_hidden=(2, 3, 6), n_folds=2, settings=settings)
    table = finished(recording, sweep, tmp_path, n_workers=1)
    with stopping():
        conclude_sweep(recording, sweep, table, tmp_path, n_threads=1, control=Control())
    assert not (tmp_path / "selected.model.h5").exists()
    assert (tmp_path / "selected.checkpoint.h5").exists()
    selection = conclude_sweep(recording, sweep, table, tmp_path, n_threads=1)
    assert not (tmp_path / "selected.checkpoint.h5").exists()
    assert selection.configuration["n_hidden"] == 3
    back = selection.table["stable"].to_numpy()
    assert back[0] <= 2 and 2.5 <= back[1] <= 3 and back[2] < 4
    model = load_model(tmp_path / "selected.model.h5")
    chosen = sweep.settings_of_selected(selection.configuration)
    training = Training(recording.spikes, replace(chosen, n_threads=1))
    for _ in training:
        pass
    np.testing.assert_array_equal(model.weights_, training.model().weights_)
    assert len(model.split_["test"]) and model.settings_.n_test_blocks == 3
    others = table.loc[table["n_hidden"] == 3, "model"]
    known = stability([model.weights_, *(load_model(tmp_path / m).weights_ for m in others)])
    np.testing.assert_array_equal(model.stability_, known.values)


def test_a_training_that_ends_early_is_finished(recording, tmp_path):
    settings = replace(
        SETTINGS, n_updates=4000, n_chains=20, patience=1, decay_after=0.99, learning_rate=3e-5
    )
    sweep = Sweep(n_hidden=(3,), learning_rate=(3e-5,), n_folds=2, settings=settings)
    table = finished(recording, sweep, tmp_path, n_workers=1)
    assert (table["status"] == "finished").all()
    model = load_model(tmp_path / table["model"][0])
    assert model.history_["update"].max() < 4000


def test_a_stopped_sweep_goes_on_to_the_same_table(recording, tmp_path, monkeypatch):
    """Stopped half way through the second training."""
    sweep = Sweep(n_hidden=(3,), n_folds=2, settings=SETTINGS)
    table = finished(recording, sweep, tmp_path / "whole", n_workers=1)
    advance, folder = Training._advance, tmp_path / "halves"

    def stopping(training: Training) -> None:
        advance(training)
        if list(folder.glob("*.json")) and training.update == 75:
            training.control.stop()

    with monkeypatch.context() as patch:
        patch.setattr(Training, "_advance", stopping)
        *_, stopped = run_sweep(recording, sweep, folder, n_workers=1)
    assert stopped.done == 1 and stopped.total == 2
    [checkpoint] = folder.glob("*.checkpoint.h5")
    assert load_checkpoint(checkpoint)["update"] == 75
    pd.testing.assert_frame_equal(finished(recording, sweep, folder, n_workers=1), table)
    assert not list(folder.glob("*.checkpoint.h5"))


def test_a_damaged_result_is_named(recording, tmp_path):
    sweep = Sweep(n_hidden=(3,), n_folds=2, settings=SETTINGS)
    path = tmp_path / f"{sweep.key(sweep.trials()[0], recording.spikes.fingerprint)}.json"
    path.write_text("{")
    with pytest.raises(FormatError, match=path.name):
        next(run_sweep(recording, sweep, tmp_path))


def test_a_killed_worker_changes_no_number(recording, tmp_path):
    """The worker dies when its training has left a checkpoint; another goes on from it."""
    distributed = pytest.importorskip("distributed")
    sweep = Sweep(n_hidden=(3,), n_folds=2, settings=SETTINGS)
    expected = finished(recording, sweep, tmp_path / "calm", n_workers=1, n_threads=1)
    folder = tmp_path / "killed"

    def die_at_the_first_checkpoint() -> None:
        """Run in the worker: the one that takes its place knows nothing of it."""
        from napari_crbm.io.models import autosave

        save = autosave.save_checkpoint

        def save_and_die(*arguments) -> None:
            save(*arguments)
            os.kill(os.getpid(), signal.SIGKILL)

        autosave.save_checkpoint = save_and_die

    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster, set_as_default=False) as client,
    ):
        pid = next(iter(client.run(os.getpid).values()))
        client.run(die_at_the_first_checkpoint)
        table = finished(
            recording, sweep, folder, scheduler=cluster.scheduler_address, checkpoint_s=0.0
        )
        assert next(iter(client.run(os.getpid).values())) != pid
    pd.testing.assert_frame_equal(table, expected)
    for name in table["model"]:
        one, other = (load_model(tmp_path / kind / name) for kind in ("calm", "killed"))
        np.testing.assert_array_equal(one.weights_, other.weights_)


_INTERRUPTED = """
import sys
from napari_crbm.analysis import Sweep, run_sweep
from napari_crbm.cli.signals import signals_stop
from napari_crbm.io import open_recording
from napari_crbm.model import Control, Settings

if __name__ == "__main__":
    sweep = Sweep(n_hidden=(3,), n_folds=2, settings=Settings(n_updates=100_000, n_chains=30))
    control = Control()
    with signals_stop(control):
        for _ in run_sweep(
            open_recording(sys.argv[1]), sweep, sys.argv[2], n_workers=2, control=control,
            checkpoint_s=4.0,
        ):
            pass
    sys.exit(3 if control.stopped else 0)
"""


def test_ctrl_c_leaves_the_latest_checkpoints_of_all_workers(recording, tmp_path):
    """Ctrl-C in a terminal reaches the workers, too: they must write before they end."""
    pytest.importorskip("distributed")
    save_recording(recording, tmp_path / "fish.h5")
    folder, script = tmp_path / "sweep", tmp_path / "interrupted.py"
    script.write_text(_INTERRUPTED)
    process = subprocess.Popen(
        [sys.executable, script, tmp_path / "fish.h5", folder], start_new_session=True
    )
    try:
        deadline = time.monotonic() + 300
        while len(found := list(folder.glob("*.checkpoint.h5"))) < 2:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        interrupted = time.time()
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait(timeout=200) == 3
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert all(path.stat().st_mtime > interrupted for path in found)
    assert all(0 < load_checkpoint(path)["update"] < 100_000 for path in found)
    assert not list(folder.glob("stop-*")) and not list(folder.glob("*.json"))


def test_workers_that_do_not_start_are_told(recording, tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    control = Control()

    def failing(*_, **__):
        raise RuntimeError("Nanny failed to start.")

    monkeypatch.setattr(distributed, "LocalCluster", failing)
    sweep = Sweep(n_hidden=(2,), l1=(0.01,), n_folds=2, settings=Settings(n_updates=3))
    with pytest.raises(CRBMError, match="could not be started: Nanny failed to start"):
        list(run_sweep(recording, sweep, tmp_path, n_workers=2, control=control))
    # A signal has ended them, and this process is to stop as well.
    control.stop()
    (begun,) = run_sweep(recording, sweep, tmp_path, n_workers=2, control=control)
    assert begun.done == 0


def test_a_sweep_listens_to_this_machine_alone_and_opens_no_dashboard():
    pytest.importorskip("distributed")
    psutil = pytest.importorskip("psutil")
    with connected(None, 1):
        this = psutil.Process()
        processes = [this, *this.children(recursive=True)]
        heard = [
            connection.laddr
            for process in processes
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        ]
    assert heard
    assert {address.ip for address in heard} <= {"127.0.0.1", "::1"}
    assert 8787 not in {address.port for address in heard}


def test_no_scheduler_at_the_address(recording, tmp_path):
    pytest.importorskip("distributed")
    sweep = Sweep(n_hidden=(3,), n_folds=2, settings=SETTINGS)
    with pytest.raises(CRBMError, match="no Dask scheduler"):
        list(run_sweep(recording, sweep, tmp_path, scheduler="nonsense://1"))


def test_a_checkpoint_of_another_version_is_not_a_failure(recording, tmp_path, stopping):
    sweep = Sweep(n_hidden=(3,), n_folds=2, settings=SETTINGS)
    trial = sweep.trials()[0]
    key = sweep.key(trial, recording.spikes.fingerprint)
    path = running._stored_recording(recording, tmp_path)
    settings = sweep.settings_of(trial)
    with stopping():
        running.run_trial(settings, trial, sweep, key, path, tmp_path, 30.0, Control())
    checkpoint = tmp_path / f"{key}.checkpoint.h5"
    save_checkpoint({**load_checkpoint(checkpoint), "version": 1}, checkpoint)
    table = finished(recording, sweep, tmp_path, n_workers=1)
    assert (table["status"] == "finished").all()


@pytest.mark.parametrize("lost", ["comm", "cancelled"])
def test_a_lost_scheduler_is_said(tmp_path, monkeypatch, lost):
    pytest.importorskip("distributed")
    from concurrent.futures import CancelledError

    import distributed
    from distributed.comm.core import CommClosedError

    from napari_crbm.analysis.selection.cluster import completed
    from napari_crbm.model import Control

    class Client:
        def submit(self, *_, **__):
            return object()

        def processing(self):
            raise CommClosedError

    def gone(*_, **__):
        raise CommClosedError if lost == "comm" else CancelledError

    monkeypatch.setattr(distributed, "wait", gone)
    with pytest.raises(CRBMError, match=r"scheduler was lost.*run the same command"):
        list(completed(Client(), [(1,)], tmp_path / "a.h5", tmp_path, 1.0, Control()))
