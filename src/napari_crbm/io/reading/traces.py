"""Fluorescence computed on access from stored arrays: sums, planes, selections, dF/F.

All of these satisfy `napari_crbm.recording.Fluorescence` and can be asked for whole
traces of a range of neurons (`block`), which is how recordings are binarised.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_crbm.io.reading.layout import neuron_ranges
from napari_crbm.io.reading.transposed import transposed
from napari_crbm.preprocessing import Waiting

# Traces with a baseline of zero would otherwise be divided by it.
_SMALLEST_BASELINE = 1e-6


class Columns(Protocol):
    """Whole traces of ranges of neurons."""

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        ...

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Whole traces of consecutive neurons, (T, stop - start) float32."""
        ...

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of neurons whose traces are best read together."""
        ...


class Traces(Columns, Protocol):
    """Fluorescence or deconvolved activity, read in any direction."""

    @property
    def scattered(self) -> bool:
        """Return whether reading all traces goes through the whole file many times."""
        ...

    def trace(self, neuron: int) -> NDArray[np.float32]:
        """One neuron over time, (T,) float32."""
        ...

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Consecutive frames, (stop - start, N) float32."""
        ...


def within_reach(traces: Traces) -> Generator[Waiting, None, Columns]:
    """Return traces that are quick to read: copied to a temporary file if the file scatters them.

    Yields
    ------
    Waiting
        While they are copied.
    """
    if isinstance(traces, Relative):
        # Its single frames need the medians of all traces; what it is made of does not.
        source = yield from within_reach(traces.source)
        if traces.reference is None:
            return _RelativeColumns(source, None)
        return _RelativeColumns(source, (yield from within_reach(traces.reference)))
    if not traces.scattered:
        return traces
    return (yield from transposed(traces)) or traces


def neuron_blocks(traces: Traces) -> Iterator[NDArray[np.float32] | Waiting]:
    """Whole traces of consecutive neurons, (T, n) float32, at most 256 MB at a time."""
    columns = yield from within_reach(traces)
    for start, stop in columns.ranges():
        yield columns.block(start, stop)


class InBlocks:
    """Traces that can be read in blocks of neurons."""

    def neuron_blocks(self: Traces) -> Iterator[NDArray[np.float32] | Waiting]:
        """Whole traces of consecutive neurons, (T, n) float32, at most 256 MB at a time."""
        return neuron_blocks(self)

    def select_neurons(self: Traces, index: NDArray[np.int64]) -> Chosen:
        """The same traces of the chosen neurons."""
        return Chosen(self, index)


@dataclass(frozen=True, eq=False)
class Held(InBlocks):
    """Traces in memory or memory-mapped.

    Parameters
    ----------
    values : (T, N)
    """

    values: NDArray[np.number]

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        return self.values.shape[0], self.values.shape[1]

    @property
    def scattered(self) -> bool:
        """Return whether reading all traces goes through the whole file many times."""
        return False

    def trace(self, neuron: int) -> NDArray[np.float32]:
        """One neuron over time, (T,) float32."""
        return np.asarray(self.values[:, neuron], dtype=np.float32)

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Consecutive frames, (stop - start, N) float32."""
        return np.asarray(self.values[start:stop], dtype=np.float32)

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Whole traces of consecutive neurons, (T, stop - start) float32."""
        return np.asarray(self.values[:, start:stop], dtype=np.float32)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of neurons whose traces are best read together."""
        return neuron_ranges(*self.shape, 1)


@dataclass(frozen=True, eq=False)
class Combined(InBlocks):
    """Several traces of the same neurons, combined element by element.

    Parameters
    ----------
    parts : tuple of Traces
        All of one shape.
    formula : callable
        Takes an array a part, returns one of the same shape.
    """

    parts: tuple[Traces, ...]
    formula: Callable[..., NDArray[np.floating]]

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        return self.parts[0].shape

    @property
    def scattered(self) -> bool:
        """Return whether reading all traces goes through the whole file many times."""
        return any(part.scattered for part in self.parts)

    def trace(self, neuron: int) -> NDArray[np.float32]:
        """One neuron over time, (T,) float32."""
        return self._combined([part.trace(neuron) for part in self.parts])

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Consecutive frames, (stop - start, N) float32."""
        return self._combined([part.frames(start, stop) for part in self.parts])

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Whole traces of consecutive neurons, (T, stop - start) float32."""
        return self._combined([part.block(start, stop) for part in self.parts])

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of neurons whose traces are best read together."""
        return self.parts[0].ranges()

    def _combined(self, values: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        return np.asarray(self.formula(*values), dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Joined(InBlocks):
    """Neurons of several planes side by side, cut to their common frames.

    Parameters
    ----------
    parts : tuple of Traces
    """

    parts: tuple[Traces, ...]
    _stops: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_stops", np.cumsum([part.shape[1] for part in self.parts]))

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        return min(part.shape[0] for part in self.parts), int(self._stops[-1])

    @property
    def scattered(self) -> bool:
        """Return whether reading all traces goes through the whole file many times."""
        return any(part.scattered for part in self.parts)

    def trace(self, neuron: int) -> NDArray[np.float32]:
        """One neuron over time, (T,) float32."""
        neuron = range(self.shape[1])[neuron]
        plane = int(np.searchsorted(self._stops, neuron, side="right"))
        part = self.parts[plane]
        return part.trace(neuron - int(self._stops[plane]) + part.shape[1])[: self.shape[0]]

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Consecutive frames, (stop - start, N) float32."""
        stop = min(stop, self.shape[0])
        return np.concatenate([part.frames(start, stop) for part in self.parts], axis=1)

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Whole traces of consecutive neurons, (T, stop - start) float32."""
        blocks = []
        for part, end in zip(self.parts, self._stops, strict=True):
            begin = int(end) - part.shape[1]
            first, last = max(start - begin, 0), min(stop - begin, part.shape[1])
            if first < last:
                blocks.append(part.block(first, last)[: self.shape[0]])
        return np.concatenate(blocks, axis=1)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of neurons whose traces are best read together."""
        for part, end in zip(self.parts, self._stops, strict=True):
            begin = int(end) - part.shape[1]
            for start, stop in part.ranges():
                yield begin + start, begin + stop


@dataclass(frozen=True, eq=False)
class Chosen(InBlocks):
    """A selection of neurons of other traces.

    Parameters
    ----------
    source : Traces
    neurons : (n,) int64
        In any order.
    """

    source: Traces
    neurons: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        return self.source.shape[0], len(self.neurons)

    @property
    def dtype(self) -> np.dtype[np.generic]:
        """Type in which the source keeps its values."""
        return np.dtype(getattr(self.source, "dtype", np.float32))

    @property
    def scattered(self) -> bool:
        """Return whether reading all traces goes through the whole file many times."""
        return self.source.scattered

    def trace(self, neuron: int) -> NDArray[np.float32]:
        """One neuron over time, (T,) float32."""
        return self.source.trace(int(self.neurons[neuron]))

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Consecutive frames, (stop - start, N) float32."""
        return self.source.frames(start, stop)[:, self.neurons]

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Whole traces of consecutive neurons, (T, stop - start) float32."""
        wanted = self.neurons[start:stop]
        # A span is one read; neurons far apart or out of order are read one by one.
        if self._ascending and len(wanted) and wanted[-1] - wanted[0] < 4 * len(wanted):
            span = self.source.block(int(wanted[0]), int(wanted[-1]) + 1)
            return span[:, wanted - wanted[0]]
        return np.stack([self.source.trace(int(neuron)) for neuron in wanted], axis=1)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of neurons whose traces are best read together."""
        if not self._ascending:
            yield from neuron_ranges(*self.shape, 1)
            return
        for start, stop in self.source.ranges():
            first, last = (int(k) for k in np.searchsorted(self.neurons, [start, stop]))
            if first < last:
                yield first, last

    @cached_property
    def _ascending(self) -> bool:
        return bool((np.diff(self.neurons) > 0).all())


@dataclass(frozen=True, eq=False)
class _RelativeColumns:
    """The whole traces of `Relative`."""

    source: Columns
    reference: Columns | None

    @property
    def shape(self) -> tuple[int, int]:
        return self.source.shape

    def levels(
        self, values: NDArray[np.float32], start: int, stop: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Median and divisor of neurons from their traces."""
        median = level = np.median(values, axis=0)
        if self.reference is not None:
            level = np.median(self.reference.block(start, stop), axis=0)
        return median, np.maximum(np.abs(level), np.float32(_SMALLEST_BASELINE))

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        values = self.source.block(start, stop)
        median, divisor = self.levels(values, start, stop)
        return (values - median) / divisor

    def ranges(self) -> Iterator[tuple[int, int]]:
        return self.source.ranges()


@dataclass(frozen=True, eq=False)
class Relative(InBlocks):
    """dF/F of raw fluorescence: distance from a neuron's median, divided by the median.

    Parameters
    ----------
    source : Traces
        What is shown, for example without the neuropil's share.
    reference : Traces, optional
        What it is divided by, the median of; the source itself by default.
    """

    source: Traces
    reference: Traces | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """``(n_frames, n_neurons)``."""
        return self.source.shape

    @property
    def scattered(self) -> bool:
        """Return whether reading all traces goes through the whole file many times."""
        return self.source.scattered or (self.reference is not None and self.reference.scattered)

    @cached_property
    def _columns(self) -> _RelativeColumns:
        return _RelativeColumns(self.source, self.reference)

    @cached_property
    def _levels(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Median and divisor of every neuron."""
        median, divisor = np.empty((2, self.shape[1]), dtype=np.float32)
        for start, stop in self.ranges():
            values = self.source.block(start, stop)
            median[start:stop], divisor[start:stop] = self._columns.levels(values, start, stop)
        return median, divisor

    def trace(self, neuron: int) -> NDArray[np.float32]:
        """One neuron over time, (T,) float32."""
        neuron = range(self.shape[1])[neuron]
        return self.block(neuron, neuron + 1)[:, 0]

    def frames(self, start: int, stop: int) -> NDArray[np.float32]:
        """Consecutive frames, (stop - start, N) float32."""
        median, divisor = self._levels
        return (self.source.frames(start, stop) - median) / divisor

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Whole traces of consecutive neurons, (T, stop - start) float32."""
        return self._columns.block(start, stop)

    def ranges(self) -> Iterator[tuple[int, int]]:
        """Ranges of neurons whose traces are best read together."""
        return self._columns.ranges()
