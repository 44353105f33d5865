"""Carry out a sweep: in this process, on this machine's cores or on a cluster.

Everything lives in one folder, which all workers must see. Every training keeps a
checkpoint there, so one whose worker was killed goes on from it, and a sweep that is run
again trains only what is missing. Results do not depend on how the work was shared out.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_crbm.analysis.evaluation import reconstruction_nllh
from napari_crbm.analysis.sweep import Selection, Sweep, Trial, fold_frames, select
from napari_crbm.errors import (
    CRBMError,
    FormatError,
    ModelError,
    TrainingCollapsed,
    TrainingDiverged,
)
from napari_crbm.io import (
    load_checkpoint,
    open_recording,
    save_checkpoint,
    save_model,
    save_recording,
)
from napari_crbm.model import Control, Training
from napari_crbm.model.training import CHECKPOINT_VERSION
from napari_crbm.recording import Recording

_POLL_S = 0.5


@dataclass(frozen=True, eq=False)
class SweepProgress:
    """How far a sweep is: finished trainings, all trainings, and the table so far."""

    done: int
    total: int
    table: pd.DataFrame


def run_sweep(
    recording: Recording,
    sweep: Sweep,
    folder: str | Path,
    *,
    n_workers: int | None = None,
    n_threads: int | None = None,
    scheduler: str | None = None,
    control: Control | None = None,
    checkpoint_s: float = 30.0,
) -> Iterator[SweepProgress]:
    """Train everything a sweep asks for that the folder does not hold yet.

    Parameters
    ----------
    recording : Recording
    sweep : Sweep
    folder : path
        Made if missing; on a cluster it must be a folder that all machines share.
    n_workers : int, optional
        Trainings at once on this machine: as many as there are cores by default; one
        after another in this process if 1, or if `distributed` is not installed.
    n_threads : int, optional
        Threads of each training; by default the cores are divided among the workers.
    scheduler : str, optional
        Address of a running Dask scheduler to use instead, e.g. ``tcp://10.0.0.1:8786``.
    control : Control, optional
        Its `stop` ends the sweep; what is finished or checkpointed is kept. Trainings
        that an outside scheduler has begun are finished there.
    checkpoint_s : float
        Seconds between two checkpoints of a training.

    Yields
    ------
    SweepProgress
        At the start and after every training. The table has one row a finished training
        in the order of `Sweep.trials`, whatever the order of finishing.

    Raises
    ------
    ModelError, FormatError
        If the recording is too short, or the folder cannot be used.
    CRBMError
        If the scheduler cannot be reached or workers die again and again.
    """
    control = control or Control()
    folder = Path(folder)
    trials = sweep.trials()
    fold_frames(recording.n_frames, sweep.n_folds, 0)
    path = _stored_recording(recording, folder)
    keys = {trial: sweep.key(trial, recording.spikes.fingerprint) for trial in trials}

    def progress() -> SweepProgress:
        table = _results(folder, keys)
        return SweepProgress(len(table), len(keys), table)

    yield progress()
    missing = [trial for trial, key in keys.items() if not _result_file(folder, key).exists()]
    if not missing:
        return
    cores = os.cpu_count() or 1
    workers = min(n_workers or cores, len(missing))
    alone = scheduler is None and (workers == 1 or importlib.util.find_spec("distributed") is None)
    if n_threads is None:
        n_threads = cores if alone else max(1, cores // workers)
        if scheduler is not None:
            n_threads = 1
    tasks = [
        (replace(sweep.settings_of(trial), n_threads=n_threads), trial, sweep.n_folds, keys[trial])
        for trial in missing
    ]
    if alone:
        for task in tasks:
            run_trial(*task, path, folder, checkpoint_s, control)
            if control.stopped:
                return
            yield progress()
        return
    with _client(scheduler, workers) as client:
        for _ in _completed(client, tasks, path, folder, checkpoint_s, control):
            yield progress()


def conclude_sweep(results: pd.DataFrame, folder: str | Path) -> Selection:
    """Select a configuration and write what a sweep has found into its folder.

    ``results.csv`` (a row a training; also ``.parquet`` where pyarrow is installed),
    ``selection.csv`` (a row a configuration) and ``selected.model.h5``, the selected
    configuration trained without the first fold.

    Raises
    ------
    ModelError
        If no configuration was trained without failure.
    """
    folder = Path(folder)
    results.to_csv(folder / "results.csv", index=False)
    if importlib.util.find_spec("pyarrow") is not None:
        # Columns that mix numbers and "auto" become text.
        mixed = {name: str for name in ("n_hidden", "l1") if results[name].dtype == object}
        results.astype(mixed).to_parquet(folder / "results.parquet", index=False)
    selection = select(results)
    selection.table.to_csv(folder / "selection.csv", index=False)
    models = results
    for name, value in selection.configuration.items():
        models = models[models[name] == value]
    shutil.copyfile(folder / models["model"].iloc[0], folder / "selected.model.h5")
    return selection


def run_trial(
    settings: Any,
    trial: Trial,
    n_folds: int,
    key: str,
    recording_path: Path,
    folder: Path,
    checkpoint_s: float,
    control: Control | None = None,
) -> None:
    """Train, judge on the held-out fold, and write model and result into the folder.

    Continues from the checkpoint of an earlier attempt. A training that collapses or
    diverges is a result too.
    """
    recording = _opened(recording_path)
    train, test = fold_frames(recording.n_frames, n_folds, trial.fold)
    seen, unseen = (recording.spikes.select_frames(frames) for frames in (train, test))
    checkpoint = folder / f"{key}.checkpoint.h5"
    control = control or Control()
    row: dict[str, Any] = {**asdict(trial), "status": "finished", "message": ""}
    try:
        training = Training(seen, settings, control=control, resume=_earlier(checkpoint))
        kept = time.monotonic()
        for progress in training:
            if progress.phase == "training" and time.monotonic() - kept >= checkpoint_s:
                save_checkpoint(training.checkpoint(), checkpoint)
                kept = time.monotonic()
        if training.update < training.settings.n_updates:
            save_checkpoint(training.checkpoint(), checkpoint)
            return
        model = training.model()
    except (ModelError, TrainingCollapsed, TrainingDiverged) as error:
        row |= {"status": type(error).__name__, "message": str(error)}
    else:
        # The model's frames are numbered as in the whole recording.
        model.split_ = {"train": train, "test": test}
        model.recording_fingerprint_ = recording.spikes.fingerprint
        save_model(model, folder / f"{key}.model.h5", recording)
        nllh = reconstruction_nllh(model, unseen)
        row |= {
            "held_out_pseudo_likelihood": model.pseudo_likelihood(unseen),
            "train_pseudo_likelihood": model.pseudo_likelihood(seen),
            "held_out_nllh": float(np.nanmedian(nllh)) if np.isfinite(nllh).any() else None,
            "weights_not_zero": float(np.mean(model.weights_ != 0)),
            "fitted_n_hidden": model.n_assemblies,
            "fitted_l1": float(training.settings.l1),
            "model": f"{key}.model.h5",
        }
    result = _result_file(folder, key)
    temporary = result.with_suffix(f".{os.getpid()}.part")
    temporary.write_text(json.dumps(row, indent=1))
    temporary.replace(result)
    checkpoint.unlink(missing_ok=True)


_COLUMNS = (
    "n_hidden",
    "l1",
    "learning_rate",
    "seed",
    "fold",
    "status",
    "message",
    "held_out_pseudo_likelihood",
    "train_pseudo_likelihood",
    "held_out_nllh",
    "weights_not_zero",
    "fitted_n_hidden",
    "fitted_l1",
    "model",
)


def _results(folder: Path, keys: dict[Trial, str]) -> pd.DataFrame:
    rows = []
    for key in keys.values():
        path = _result_file(folder, key)
        if path.exists():
            try:
                rows.append(json.loads(path.read_text()))
            except ValueError as error:
                raise FormatError(
                    f"{path} is damaged: delete it, and its training is repeated."
                ) from error
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    numbers = list(_COLUMNS[7:13])
    table[numbers] = table[numbers].astype(np.float64)
    return table


def _result_file(folder: Path, key: str) -> Path:
    return folder / f"{key}.json"


def _stored_recording(recording: Recording, folder: Path) -> Path:
    """Put what the workers need beside their results, once for each recording."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FormatError(f"The folder {folder} cannot be made: {error.strerror}.") from error
    path = (folder / f"recording-{recording.spikes.fingerprint[:12]}.h5").resolve()
    if not path.exists():
        save_recording(recording, path)
    return path


@lru_cache(maxsize=1)
def _opened(path: Path) -> Recording:
    return open_recording(path)


def _earlier(checkpoint: Path) -> dict[str, Any] | None:
    if not checkpoint.exists():
        return None
    try:
        state = load_checkpoint(checkpoint)
    except FormatError:
        # Damaged with the machine that wrote it: begin again.
        return None
    # So too if another version of the program has written it.
    return state if state.get("version") == CHECKPOINT_VERSION else None


@contextmanager
def _client(scheduler: str | None, n_workers: int) -> Iterator[Any]:
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise CRBMError(
            "A Dask scheduler needs the package 'distributed': pip install 'napari-crbm[cluster]'."
        ) from error
    if scheduler is None:
        with (
            # Every attempt gets further, so a training may outlive many workers.
            dask.config.set({"distributed.scheduler.allowed-failures": 10}),
            LocalCluster(
                n_workers=n_workers, threads_per_worker=1, processes=True, dashboard_address=None
            ) as cluster,
            Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = Client(scheduler, timeout=15)
    except (OSError, ValueError) as error:
        raise CRBMError(
            f"There is no Dask scheduler at {scheduler}: start one, or check the address."
        ) from error
    with client:
        yield client


def _completed(
    client: Any,
    tasks: list[tuple[Any, ...]],
    path: Path,
    folder: Path,
    checkpoint_s: float,
    control: Control,
) -> Iterator[None]:
    """Submit trainings; hand back control whenever some are finished, until all are."""
    from distributed import KilledWorker, wait

    pending = {
        client.submit(
            run_trial,
            *task,
            path,
            folder.resolve(),
            checkpoint_s,
            pure=False,
        )
        for task in tasks
    }
    while pending:
        if control.stopped:
            client.cancel(list(pending))
            return
        try:
            done = wait(list(pending), timeout=_POLL_S, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            continue
        for future in done:
            try:
                future.result()
            except KilledWorker as error:
                raise CRBMError(
                    "Workers died again and again, perhaps for lack of memory: use fewer workers "
                    "at once. Finished trainings are kept; run the sweep again to go on."
                ) from error
        pending -= set(done)
        yield
