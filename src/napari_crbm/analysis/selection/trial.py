"""Run one training of a sweep in the shared folder: checkpoint, model, result."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from napari_crbm.analysis.evidence.stretches import stretches
from napari_crbm.analysis.selection.folds import Folds
from napari_crbm.analysis.selection.sweep import BLOCKS, Sweep, Trial
from napari_crbm.analysis.statistics.reconstruction import median_nllh, reconstruction_nllh
from napari_crbm.errors import FormatError, ModelError, TrainingCollapsed, TrainingDiverged
from napari_crbm.io import load_checkpoint, open_recording, save_checkpoint, save_model
from napari_crbm.io.models.autosave import Autosave
from napari_crbm.io.safety.replacing import write_text
from napari_crbm.model import CRBM, Control, Settings, Training
from napari_crbm.model.training.checkpoint import CHECKPOINT_VERSION
from napari_crbm.model.training.health import duplicate_units, idle_units
from napari_crbm.recording import Recording

# Neurons per held-out frame whose probability is computed.
_NEURONS_PER_FRAME = 32


def run_trial(
    settings: Settings,
    trial: Trial,
    sweep: Sweep,
    key: str,
    recording_path: Path,
    folder: Path,
    checkpoint_s: float,
    control: Control | None = None,
    stop_file: Path | None = None,
) -> None:
    """Train, score on the held-out fold, and write model and result into the folder.

    Continues from the checkpoint of an earlier attempt. When ``control`` is stopped or
    ``stop_file`` appears, the updates made so far are written to a checkpoint. A training that
    collapses or diverges is recorded as a failed result.
    """
    if stop_file is not None and stop_file.exists():
        return
    recording = opened(recording_path)
    folds = sweep.folds(recording)
    train, test = folds.frames(trial.fold)
    seen = recording.spikes.select_frames(train)
    row: dict[str, Any] = {**asdict(trial), "status": "finished", "message": ""}
    try:
        training = train_with_checkpoints(
            Training(
                seen,
                settings,
                control=control,
                resume=earlier_checkpoint(_checkpoint_file(folder, key)),
                segments=stretches(train),
                coordinates=recording.coordinates,
            ),
            _checkpoint_file(folder, key),
            checkpoint_s,
            stop_file,
        )
        if training is None:
            return
        model = training.model()
    except (ModelError, TrainingCollapsed, TrainingDiverged) as error:
        row |= {"status": type(error).__name__, "message": str(error)}
    else:
        # Frame numbers of the model refer to the whole recording.
        inside = model.split_ or {}
        model.split_ = {name: train[frames] for name, frames in inside.items()} | {"test": test}
        model.recording_fingerprint_ = recording.spikes.fingerprint
        save_model(model, folder / f"{key}.model.h5", recording)
        row |= _judged(model, recording, folds) | {
            "fitted_l1": float(training.settings.l1),
            "model": f"{key}.model.h5",
        }
    result = result_file(folder, key)
    write_text(result, json.dumps(row, indent=1))
    _checkpoint_file(folder, key).unlink(missing_ok=True)


def train_with_checkpoints(
    training: Training, checkpoint: Path, checkpoint_s: float, stop_file: Path | None = None
) -> Training | None:
    """Run a training to its end; if it is stopped, write a checkpoint and return None."""
    autosave = Autosave(checkpoint, checkpoint_s)
    for progress in training:
        if stop_file is not None and stop_file.exists():
            training.control.stop()
        if progress.phase == "training":
            autosave.offer(training.checkpoint)
            if autosave.problem is not None:
                warnings.warn(autosave.problem, stacklevel=2)
    if training.finished:
        return training
    if training.update:
        save_checkpoint(training.checkpoint(), checkpoint)
    return None


def _judged(model: CRBM, recording: Recording, folds: Folds) -> dict[str, Any]:
    """Compute the scores of a model: of held-out frames, and of its weights."""
    assert model.split_ is not None
    seen, unseen = (recording.spikes.select_frames(model.split_[k]) for k in ("train", "test"))
    nllh = median_nllh(reconstruction_nllh(model, unseen))
    test = model.split_["test"]
    block = folds.block[test]
    of_blocks = {
        BLOCKS[k]: model.pseudo_likelihood(
            recording.spikes.select_frames(test[block == k]),
            neurons_per_frame=_NEURONS_PER_FRAME,
        )
        for k in np.unique(block).tolist()
    }
    return {
        "held_out_pseudo_likelihood": model.pseudo_likelihood(unseen),
        "train_pseudo_likelihood": model.pseudo_likelihood(seen),
        "held_out_nllh": nllh if np.isfinite(nllh) else None,
        "weights_not_zero": float(np.mean(model.weights_ != 0)),
        "idle_units": len(idle_units(model.weights_)),
        "duplicate_units": len({second for _, second in duplicate_units(model.weights_)}),
        "fitted_n_hidden": model.n_assemblies,
        **of_blocks,
    }


_TEXT = ("status", "message", "model")
COLUMNS = (
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
    "idle_units",
    "duplicate_units",
    "fitted_n_hidden",
    "fitted_l1",
    *BLOCKS,
    "model",
)


def results(folder: Path, keys: dict[Trial, str]) -> pd.DataFrame:
    """Return the table of finished trainings, one row each, in the order of the keys.

    Raises
    ------
    FormatError
        If a result is damaged.
    """
    rows = []
    for key in keys.values():
        path = result_file(folder, key)
        if path.exists():
            try:
                rows.append(json.loads(path.read_text()))
            except ValueError as error:
                raise FormatError(
                    f"{path} is damaged: delete it, and its training is repeated."
                ) from error
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    numbers = [name for name in COLUMNS[5:] if name not in _TEXT]
    table[numbers] = table[numbers].astype(np.float64)
    return table


def result_file(folder: Path, key: str) -> Path:
    """Return the path of the file with a training's row of the table."""
    return folder / f"{key}.json"


def _checkpoint_file(folder: Path, key: str) -> Path:
    return folder / f"{key}.checkpoint.h5"


@lru_cache(maxsize=1)
def opened(path: Path) -> Recording:
    """Return the recording at the path, read once per process."""
    return open_recording(path)


def earlier_checkpoint(checkpoint: Path) -> dict[str, Any] | None:
    """Return the state to continue from; None if there is no usable checkpoint."""
    if not checkpoint.exists():
        return None
    try:
        state = load_checkpoint(checkpoint)
    except FormatError:
        # Damaged, for example by a crash while writing: start from the beginning.
        return None
    # Written by another version of the program: also start from the beginning.
    return state if state.get("version") == CHECKPOINT_VERSION else None
