"""Carry out a sweep: in this process, on this machine's cores or on a cluster.

All files are in one folder, which all workers must be able to reach. Each training writes
checkpoints there, from which it continues if its worker is killed; a sweep that is run again
trains only what is missing. Results do not depend on the number of workers.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from napari_crbm.analysis.export.tables import write_table
from napari_crbm.analysis.matching.stability import match_units, stability
from napari_crbm.analysis.selection.cluster import completed, connected
from napari_crbm.analysis.selection.sweep import (
    CONFIGURATION,
    Selection,
    Sweep,
    select,
)
from napari_crbm.analysis.selection.trial import (
    earlier_checkpoint,
    result_file,
    results,
    run_trial,
    train_with_checkpoints,
)
from napari_crbm.cores import available_cores
from napari_crbm.errors import CRBMError
from napari_crbm.io import load_model, save_model, save_recording
from napari_crbm.io.safety.replacing import make_folder
from napari_crbm.model import Control, Settings, Training
from napari_crbm.recording import Recording

# Smallest mean |cosine| with its partners at which an assembly is stable.
_COME_BACK = 0.5


@dataclass(frozen=True, eq=False)
class SweepProgress:
    """Progress of a sweep: finished trainings, all trainings, and the table so far."""

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
    """Run the trainings of a sweep that the folder does not hold yet.

    With more than one worker the trainings run in processes of their own, each of which
    imports the script that called this function. In a script, put the call under
    ``if __name__ == "__main__":``; otherwise every worker would start the sweep again, and
    Python ends it with a RuntimeError about bootstrapping. Notebooks need no such guard.

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
        Its `stop` ends the sweep; finished trainings are kept, and running ones write a
        checkpoint.
    checkpoint_s : float
        Seconds between two checkpoints of a training.

    Yields
    ------
    SweepProgress
        At the start and after every training. The table has one row per finished training
        in the order of `Sweep.trials`, regardless of the order in which they finish.

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
    sweep.folds(recording)
    path = _stored_recording(recording, folder)
    keys = {trial: sweep.key(trial, recording.spikes.fingerprint) for trial in trials}

    def progress() -> SweepProgress:
        table = results(folder, keys)
        return SweepProgress(len(table), len(keys), table)

    yield progress()
    missing = [trial for trial, key in keys.items() if not result_file(folder, key).exists()]
    if not missing:
        return
    cores = available_cores()
    workers = min(n_workers or cores, len(missing))
    alone = scheduler is None and (workers == 1 or importlib.util.find_spec("distributed") is None)
    if n_threads is None:
        n_threads = cores if alone else max(1, cores // workers)
        if scheduler is not None:
            n_threads = 1
    tasks = [
        (replace(sweep.settings_of(trial), n_threads=n_threads), trial, sweep, keys[trial])
        for trial in missing
    ]
    if alone:
        for task in tasks:
            run_trial(*task, path, folder, checkpoint_s, control)
            if control.stopped:
                return
            yield progress()
        return
    try:
        with connected(scheduler, workers) as client:
            for _ in completed(client, tasks, path, folder, checkpoint_s, control):
                yield progress()
    except CRBMError:
        # A signal that stops this process may have ended the workers, too.
        if not control.stopped:
            raise


def conclude_sweep(
    recording: Recording,
    sweep: Sweep,
    table: pd.DataFrame,
    folder: str | Path,
    *,
    n_threads: int | None = None,
    control: Control | None = None,
    checkpoint_s: float = 30.0,
) -> Selection:
    """Select a configuration, train it once more, and write the results of the sweep.

    The files are ``results.csv`` (one row per training; also ``.parquet`` where pyarrow is
    installed), ``selection.csv`` (one row per configuration) and ``selected.model.h5``: the
    selected configuration trained once more with the sweep's own settings, on all frames
    except the ``n_test_blocks`` blocks that they hold out (0: on all frames). The model
    stores the stability of its assemblies in the sweep's trainings of the same
    configuration.

    Parameters
    ----------
    recording, sweep, folder
        As for `run_sweep`.
    table : pandas.DataFrame
        The results, `SweepProgress.table`.
    n_threads : int, optional
        Threads of the last training; all cores by default.
    control : Control, optional
        Its `stop` ends the last training, which then writes a checkpoint and no model.
    checkpoint_s : float
        Seconds between two checkpoints.

    Raises
    ------
    ModelError
        If no configuration was trained without failure.
    """
    folder = Path(folder)
    write_table(table, folder / "results.csv", float_format=None)
    if importlib.util.find_spec("pyarrow") is not None:
        write_table(table, folder / "results.parquet")
    selection = select(table)
    found = selection.table.assign(stable=stable_units(table, folder))
    selection = Selection(found, selection.rule)
    write_table(found, folder / "selection.csv", float_format=None)
    settings = replace(sweep.settings_of_selected(selection.configuration), n_threads=n_threads)
    checkpoint = folder / "selected.checkpoint.h5"
    final = train_with_checkpoints(
        Training(
            recording.spikes,
            settings,
            control=control,
            resume=_fitting(earlier_checkpoint(checkpoint), recording, settings),
            segments=recording.segments,
            coordinates=recording.coordinates,
        ),
        checkpoint,
        checkpoint_s,
    )
    if final is not None:
        model = final.model()
        others = _models_of(table, selection.configuration)
        weights = [load_model(folder / name).weights_ for name in others]
        model.find_members(recording)
        model.stability_ = stability([model.weights_, *weights]).values
        save_model(model, folder / "selected.model.h5", recording)
        checkpoint.unlink(missing_ok=True)
    return selection


def stable_units(table: pd.DataFrame, folder: str | Path) -> list[float]:
    """Count the stable assemblies of each training within its configuration.

    With more than two folds the trainings share frames, so that this is no evidence from
    independent frames; see `napari_crbm.analysis.reproducibility`. An assembly is stable if the
    absolute cosine with its partners (`match_units`), averaged over the configuration's trainings
    on other folds, is at least one half.

    Parameters
    ----------
    table : pandas.DataFrame
        Results of a sweep.
    folder : path
        Folder of the sweep, with the models.

    Returns
    -------
    list of float
        Mean over trainings, one per configuration in the order of `select`; NaN
        where a training failed.
    """
    counts = []
    for _, group in table.groupby(CONFIGURATION, sort=False):
        if (group["status"] != "finished").any():
            counts.append(float("nan"))
            continue
        weights = [load_model(Path(folder) / name).weights_ for name in group["model"]]
        folds = group["fold"].tolist()
        back = []
        for one, fold in zip(weights, folds, strict=True):
            alike = [
                np.abs(match_units(one, other)[1])
                for other, other_fold in zip(weights, folds, strict=True)
                if other_fold != fold
            ]
            back.append(int((np.mean(alike, axis=0) >= _COME_BACK).sum()))
        counts.append(float(np.mean(back)))
    return counts


def _models_of(table: pd.DataFrame, configuration: dict[str, object]) -> list[str]:
    rows = table
    for name, value in configuration.items():
        rows = rows[rows[name] == value]
    return [str(name) for name in rows["model"]]


def _fitting(
    state: dict[str, object] | None, recording: Recording, settings: Settings
) -> dict[str, object] | None:
    """Return the state of a checkpoint, None if it is of another training."""
    if state is None or state["fingerprint"] != recording.spikes.fingerprint:
        return None
    kept = Settings.restored(state["settings"])  # type: ignore[arg-type]
    # The checkpoint holds the values that "auto" was resolved to.
    left_open = ("n_hidden", "l1", "final_learning_rate")
    decided = {name: getattr(kept, name) for name in left_open if getattr(settings, name) == "auto"}
    asked = replace(settings, n_threads=kept.n_threads, **decided)
    return state if kept == asked else None


def _stored_recording(recording: Recording, folder: Path) -> Path:
    """Write the recording for the workers into the folder, once per recording."""
    make_folder(folder)
    path = (folder / f"recording-{recording.spikes.fingerprint[:12]}.h5").resolve()
    if not path.exists():
        save_recording(recording, path)
    return path
