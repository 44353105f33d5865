"""Compiled kernels: Gibbs steps, projections and the weight update.

Kernels take arrays and check nothing; their callers do. Weights are either a dense (N, M) array,
one row per neuron, or its non-zero values in compressed rows (``starts``, ``columns``,
``values``). Activity is sparse, so that only drawing neurons given hidden units visits every
neuron of every chain; hidden inputs and both terms of the gradient add up the rows of active
neurons.

Neurons are divided into lanes, whose number depends on N alone. A lane adds up its own hidden
inputs and lanes are summed in order, so that results are the same to the last bit for any number
of threads.

A parallel loop calls one serial function. It passes the index as ``np.int64``, because Numba would
otherwise compile that function twice, for a signed and for an unsigned index.

Shapes used throughout: N neurons, M hidden units, B chains or frames, L lanes.
Bits of activity are (N, ceil(B / 64)) uint64, chain ``b`` in bit ``b % 64`` of
word ``b // 64``.
"""
