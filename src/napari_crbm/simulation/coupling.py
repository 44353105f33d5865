"""Bound the interaction of assemblies that share neurons.

A neuron with log-odds a and shifts s, t in two assemblies contributes

    c(x, y) = l(a + s x + t y) - l(a + s x) - l(a + t y) + l(a),   l(u) = log(1 + e^u)

to the joint log density of their hidden units, x and y being 0 at "off" and 1 at "on".
Given everything else, unit y adds log E_y[exp c(x, y)] to the log density of x: the
message of belief propagation, exact where the sharing has no loops.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import logsumexp

from napari_crbm.simulation.isolated import POSITIONS, FittedUnit

# Largest coupling in nats of one pair, and of one assembly with all others. With more coupling
# the messages still keep the duty of each assembly, but a pair would rarely switch separately.
_PAIR_BUDGET, _UNIT_BUDGET = 3.0, 6.0
# When two assemblies are on together, both rise above their usual "on" position.
_OVERSHOOT = 1.25
_COARSE = 20


def within_budget(shifts: sparse.csc_array, log_odds: NDArray[np.float64]) -> sparse.csc_array:
    """Drop shared members that exceed the largest coupling of a pair or a unit.

    Parameters
    ----------
    shifts : (N, K) sparse float64
        Change of a member's log-odds from off to on.
    log_odds : (N,) float64
        Log-odds of the neurons while all assemblies are off.

    Returns
    -------
    (N, K) sparse float64
    """
    rows = sparse.csr_array(shifts)
    used = np.zeros((rows.shape[1], rows.shape[1]))
    for neuron in np.flatnonzero(np.diff(rows.indptr) > 1):
        own = slice(*rows.indptr[neuron : neuron + 2])
        units, pushes = rows.indices[own], rows.data[own]
        for a, b in combinations(range(len(units)), 2):
            if pushes[a] == 0 or pushes[b] == 0:
                continue
            pair = units[[a, b]]
            push = _OVERSHOOT * np.array([0.0, pushes[a], pushes[b], pushes[a] + pushes[b]])
            tie = abs(float(np.logaddexp(0.0, log_odds[neuron] + push) @ [1.0, -1.0, -1.0, 1.0]))
            over_pair = used[pair[0], pair[1]] + tie > _PAIR_BUDGET
            if over_pair or tie + used[pair].sum(axis=1).max() > _UNIT_BUDGET:
                pushes[a if abs(pushes[a]) < abs(pushes[b]) else b] = 0.0
                continue
            used[pair[0], pair[1]] += tie
            used[pair[1], pair[0]] += tie
    kept = sparse.csc_array(rows)
    kept.eliminate_zeros()
    kept.sort_indices()
    return kept


class Messages:
    """Compute the input of each unit from those it shares members with.

    Parameters
    ----------
    shifts : (N, K) sparse float64
    log_odds : (N,) float64
    """

    def __init__(self, shifts: sparse.csc_array, log_odds: NDArray[np.float64]) -> None:
        self._positions = POSITIONS[::_COARSE]
        self._ties: dict[tuple[int, int], NDArray[np.float64]] = {}
        rows = sparse.csr_array(shifts)
        for neuron in np.flatnonzero(np.diff(rows.indptr) > 1):
            own = slice(*rows.indptr[neuron : neuron + 2])
            members = zip(rows.indices[own].tolist(), rows.data[own], strict=True)
            for (one, s), (two, t) in combinations(sorted(members), 2):
                tie = self._tie(log_odds[neuron], s, t)
                self._ties[one, two] = self._ties.get((one, two), 0.0) + tie
                self._ties[two, one] = self._ties[one, two].T
        self._heard = {pair: np.zeros(len(self._positions)) for pair in self._ties}

    def _tie(self, base: float, s: float, t: float) -> NDArray[np.float64]:
        x, y = s * self._positions[:, None], t * self._positions[None, :]
        alone = np.logaddexp(0.0, base + x) + np.logaddexp(0.0, base + y)
        return np.asarray(np.logaddexp(0.0, base + x + y) - alone + np.logaddexp(0.0, base))

    def update(self, units: list[FittedUnit]) -> None:
        """Update all messages once, given the marginal densities of the units."""
        marginal = [np.log(np.maximum(unit.density[::_COARSE], 1e-300)) for unit in units]
        heard = {}
        for (to, sender), tie in self._ties.items():
            # Density of the sender without the message from the receiver.
            cavity = marginal[sender] - self._heard[sender, to]
            heard[to, sender] = logsumexp(tie + cavity, axis=1) - logsumexp(cavity)
        self._heard = heard

    def gain(self, unit: int) -> NDArray[np.float64]:
        """Compute the contribution of other units to a unit's log density, on `POSITIONS`."""
        total = sum(
            (message for (to, _), message in self._heard.items() if to == unit),
            start=np.zeros(len(self._positions)),
        )
        return np.asarray(np.interp(POSITIONS, self._positions, total))
