"""Process blocks of neurons on all cores, with progress and cancellation."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from napari_crbm.cores import available_cores
from napari_crbm.errors import RecordingError

# Values of a block a thread works on: 4 MB of float32, and a few times that while it works.
_BLOCK_VALUES = 1 << 20

#: Told ``(neurons done, neurons)``.
Progress = Callable[[int, int], None]
Tile = tuple[int, int, NDArray[np.bool_]]


class Waiting(NamedTuple):
    """Progress of a source that has work to do before its first block, yielded in its place."""

    done: int
    total: int


#: Whole traces of consecutive neurons, (T, n), and what is heard while waiting for them.
Blocks = Iterable[NDArray[np.floating] | Waiting]


class Stoppable(Protocol):
    """An object that can request cancellation, such as `napari_crbm.model.Control`."""

    @property
    def stopped(self) -> bool:
        """Return whether cancellation was requested."""
        ...


class PreprocessingStopped(RecordingError):
    """Preprocessing was cancelled; the recording is unchanged."""


def stream(
    blocks: Blocks,
    work: Callable[[int, NDArray[Any]], NDArray[np.bool_]],
    n_neurons: int,
    *,
    progress: Progress | None = None,
    control: Stoppable | None = None,
    n_threads: int | None = None,
) -> Iterator[Tile]:
    """Convert whole traces of consecutive neurons to activity, a few blocks at a time.

    Parameters
    ----------
    blocks : iterable of (T, n) or Waiting
        Waiting counts as the first half of the progress.
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
    threads = n_threads or available_cores()
    pending: deque[tuple[int, Future[NDArray[np.bool_]]]] = deque()
    waited = 0.0

    def tell(share: float) -> None:
        if progress is not None:
            progress(round((waited + (1 - waited) * share) * n_neurons), n_neurons)

    def oldest() -> Tile:
        neuron, future = pending.popleft()
        active = future.result()
        tell((neuron + active.shape[1]) / n_neurons)
        return 0, neuron, active

    with ThreadPoolExecutor(threads, thread_name_prefix="napari-crbm preprocessing") as pool:
        for neuron, part in _parts(blocks):
            if control is not None and control.stopped:
                for _, future in pending:
                    future.cancel()
                raise PreprocessingStopped("Preprocessing was cancelled; nothing was changed.")
            if isinstance(part, Waiting):
                waited = max(waited, part.done / (2 * part.total))
                tell(0.0)
                continue
            pending.append((neuron, pool.submit(work, neuron, part)))
            # One block more than threads, so that reading goes on while all of them work.
            if len(pending) > threads:
                yield oldest()
        while pending:
            yield oldest()


def _parts(blocks: Blocks) -> Iterator[tuple[int, NDArray[np.floating] | Waiting]]:
    """Yield blocks of the size that a thread works on, with the index of their first neuron."""
    neuron = 0
    for block in blocks:
        if isinstance(block, Waiting):
            yield neuron, block
            continue
        size = max(1, _BLOCK_VALUES // max(len(block), 1))
        for start in range(0, block.shape[1], size):
            yield neuron + start, block[:, start : start + size]
        neuron += block.shape[1]
