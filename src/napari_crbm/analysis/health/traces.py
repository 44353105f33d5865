"""Fluorescence that is missing, constant or without noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from napari_crbm.analysis.health.finding import Finding, neurons_that
from napari_crbm.preprocessing.threshold import is_flat, noise_sd
from napari_crbm.recording import Fluorescence

#: Values that are read to judge the traces; longer recordings are sampled.
MOST_VALUES = 50_000_000
_PIECES = 8


def trace_findings(fluorescence: Fluorescence) -> list[Finding]:
    """Check the fluorescence of every neuron; of long recordings in stretches of frames."""
    n_frames, n_neurons = fluorescence.shape
    missing = np.zeros(n_neurons, dtype=np.int64)
    constant = np.ones(n_neurons, dtype=bool)
    noiseless = np.ones(n_neurons, dtype=bool)
    looked_at = 0
    for block in _stretches(fluorescence):
        looked_at += len(block)
        finite = np.isfinite(block)
        missing += (~finite).sum(axis=0)
        # A neuron is constant or noiseless if it is so in every stretch.
        constant &= is_flat(block)
        noiseless &= np.isnan(noise_sd(block)) if len(block) > 1 else True
    lost = missing == looked_at
    sampled = "" if looked_at == n_frames else f" (of {looked_at:,} sampled frames)"
    parts = (
        (
            "missing fluorescence",
            (missing > 0) & ~lost,
            "lacks values in some frames",
            "lack values in some frames",
            (
                "It has no event where a value is missing.",
                "They have no event where a value is missing.",
            ),
        ),
        (
            "neurons without fluorescence",
            lost,
            "has no finite fluorescence",
            "have no finite fluorescence",
            ("It is never active.", "They are never active."),
        ),
        (
            "constant neurons",
            constant & ~lost,
            "has constant fluorescence",
            "have constant fluorescence",
            ("It is never active.", "They are never active."),
        ),
        (
            "neurons without noise",
            noiseless & ~constant & ~lost,
            "changes in fewer than half of the frames",
            "change in fewer than half of the frames",
            (
                "Its noise is undefined, so rises of its fluorescence are not found.",
                "Their noise is undefined, so rises of their fluorescence are not found.",
            ),
        ),
    )
    found: list[Finding] = []
    for kind, mask, one, many, done in parts:
        found += neurons_that(
            f"{one}{sampled}",
            f"{many}{sampled}",
            np.flatnonzero(mask),
            kind,
            done,
        )
    return found


def _stretches(fluorescence: Fluorescence) -> Iterator[NDArray[np.float32]]:
    """Yield all frames at once, or stretches that are spread over a long recording."""
    n_frames, n_neurons = fluorescence.shape
    if n_frames * n_neurons <= MOST_VALUES:
        yield fluorescence.frames(0, n_frames)
        return
    length = max(min(n_frames, MOST_VALUES // n_neurons) // _PIECES, 2)
    for start in np.linspace(0, max(n_frames - length, 0), _PIECES).astype(int):
        yield fluorescence.frames(int(start), int(min(start + length, n_frames)))
