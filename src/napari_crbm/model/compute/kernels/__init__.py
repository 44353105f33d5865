"""The hot loops: Gibbs steps, projections and the weight update. Arrays only, no checks.

Weights are either a dense (N, M) array, one row a neuron, or its non-zero values
in compressed rows (``indptr``, ``columns``, ``values``). Activity is sparse, so only
the way from hidden to visible units visits every neuron of every chain; inputs to
hidden units and both halves of the gradient add up the rows of active neurons.

Neurons are cut into a fixed number of lanes that depends on N alone. A lane adds
up its own hidden inputs and lanes are summed in order, so results are the same to
the last bit for any number of threads.

Shapes used throughout: N neurons, M hidden units, B chains or frames, L lanes.
Bits of activity are (N, ceil(B / 64)) uint64, chain ``b`` in bit ``b % 64`` of
word ``b // 64``.
"""
