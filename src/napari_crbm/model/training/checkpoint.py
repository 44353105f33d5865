"""Checkpoints: the state from which a training continues bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_crbm.errors import ModelError

#: Version of what `TrainingRun.checkpoint` returns.
CHECKPOINT_VERSION = 11


def require_checkpoint(
    state: Mapping[str, Any], fingerprint: str, version: int = CHECKPOINT_VERSION
) -> None:
    """Refuse a checkpoint of another version or of another recording.

    Parameters
    ----------
    state : mapping
    fingerprint : str
        Fingerprint of the activity that is trained on.
    version : int
        Version that can be continued.

    Raises
    ------
    ModelError
    """
    if state.get("version") != version:
        raise ModelError(
            f"The checkpoint has version {state.get('version')}, but this program continues "
            f"version {version} only. Train again from the start, or continue with the version "
            "of the program that wrote it."
        )
    if state["fingerprint"] != fingerprint:
        raise ModelError(
            "The checkpoint belongs to another recording: its activity differs from this one. "
            "Open the recording the training was started on."
        )
