"""Blocks of neurons through all cores, with progress and a way to give up."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import RecordingError

# Values of a block a thread works on: 4 MB of float32, and a few times that while it works.
_BLOCK_VALUES = 1 << 20

#: Told ``(neurons done, neurons)``.
Progress = Callable[[int, int], None]
Tile = tuple[int, int, NDArray[np.bool_]]


class Stoppable(Protocol):
    """What is asked whether to give up, such as `napari_crbm.model.Control`."""

    @property
    def stopped(self) -> bool:
        """Whether to give up."""
        ...


class PreprocessingStopped(RecordingError):
    """Preprocessing was cancelled; the recording is as it was."""


def stream(
    blocks: Iterable[NDArray[np.float32]],
    work: Callable[[int, NDArray[np.float32]], NDArray[np.bool_]],
    n_neurons: int,
    *,
    progress: Progress | None = None,
    control: Stoppable | None = None,
    n_threads: int | None = None,
) -> Iterator[Tile]:
    """Turn whole traces of consecutive neurons into activity, a few blocks at a time.

    Parameters
    ----------
    blocks : iterable of (T, n)
    work : callable
        Takes the index of the first neuron and a part of a block, (T, n); returns its
        activity, (t, n). Called from several threads.
    n_neurons : int
    progress, control, n_threads : optional
        As in `napari_crbm.preprocessing.preprocess`.

    Yields
    ------
    (0, first neuron, (t, n))
        Tiles for `Spikes.from_tiles`, in order.

    Raises
    ------
    PreprocessingStopped
        If it was cancelled.
    """
    threads = n_threads or cores()
    waiting: deque[tuple[int, Future[NDArray[np.bool_]]]] = deque()

    def oldest() -> Tile:
        neuron, future = waiting.popleft()
        active = future.result()
        if progress is not None:
            progress(neuron + active.shape[1], n_neurons)
        return 0, neuron, active

    with ThreadPoolExecutor(threads, thread_name_prefix="napari-crbm preprocessing") as pool:
        for neuron, block in _parts(blocks):
            if control is not None and control.stopped:
                for _, future in waiting:
                    future.cancel()
                raise PreprocessingStopped("Preprocessing was cancelled; nothing was changed.")
            waiting.append((neuron, pool.submit(work, neuron, block)))
            # One block more than threads, so that reading goes on while all of them work.
            if len(waiting) > threads:
                yield oldest()
        while waiting:
            yield oldest()


def _parts(blocks: Iterable[NDArray[np.float32]]) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Blocks cut to the size a thread works on, with the index of their first neuron."""
    neuron = 0
    for block in blocks:
        size = max(1, _BLOCK_VALUES // max(len(block), 1))
        for start in range(0, block.shape[1], size):
            yield neuron + start, block[:, start : start + size]
        neuron += block.shape[1]


def cores() -> int:
    """Cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
