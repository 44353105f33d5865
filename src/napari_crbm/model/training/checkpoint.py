"""Checkpoints: the state from which a training continues bit for bit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from napari_crbm.errors import ModelError

#: Version of what `TrainingRun.checkpoint` returns.
CHECKPOINT_VERSION = 10


def require_checkpoint(state: Mapping[str, Any], fingerprint: str) -> None:
    """Refuse a checkpoint of another version or of another recording.

    Raises
    ------
    ModelError
    """
    if state.get("version") != CHECKPOINT_VERSION:
        raise ModelError(
            f"The checkpoint has version {state.get('version')}; this program continues "
            f"version {CHECKPOINT_VERSION}. Train again from the start."
        )
    if state["fingerprint"] != fingerprint:
        raise ModelError(
            "The checkpoint belongs to another recording: its activity differs from this one. "
            "Open the recording the training was started on."
        )
