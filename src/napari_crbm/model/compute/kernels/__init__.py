"""Compiled kernels: Gibbs steps, projections and the weight update.

Kernels take arrays and check nothing; their callers do. Weights are either a dense (N, M) array,
one row per neuron, or its non-zero values in compressed rows (``starts``, ``columns``,
``values``). Activity is sparse, so that only drawing neurons given hidden units visits every
neuron of every chain; hidden inputs and both terms of the gradient add up the rows of active
neurons.

Neurons are divided into lanes, whose number depends on N alone. A lane adds up its own hidden
inputs and lanes are summed in order, so that results are the same to the last bit for any number
of threads.

Numba takes about a second to compile a parallel loop, and longer the more there is in it. So a
loop over ``prange`` makes one call of a serial function; the index is passed as ``np.int64``,
because Numba otherwise compiles that function a second time for an unsigned one.

Shapes used throughout: N neurons, M hidden units, B chains or frames, L lanes.
Bits of activity are (N, ceil(B / 64)) uint64, chain ``b`` in bit ``b % 64`` of
word ``b // 64``.
"""
