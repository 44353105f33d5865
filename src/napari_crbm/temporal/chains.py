r"""Gibbs chains of many frames at once, each with its own shifts of the hidden inputs.

All frames share weights, fields and units, and differ only in the drive of their past. Therefore
two chains may exchange their states: if states x, y belong to the frames with drives d, e, they
change places with probability min(1, exp(G(x, e) + G(y, d) - G(x, d) - G(y, e))), where
:math:`G(x, d) = \sum_\mu \Gamma_\mu(I_\mu(x) + d_\mu)`. This leaves the product of all conditional
distributions unchanged. A state in which an assembly is on thus moves to a frame in which the
past makes it likely, which Gibbs steps alone rarely do, since they seldom cross between on and off.
Only the numbers of the frames are exchanged, not the activity.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_crbm.model.compute.bits import bits_from_dense
from napari_crbm.model.compute.randomness import subkey
from napari_crbm.model.compute.weights import efficient, in_vectors
from napari_crbm.model.rbm import RBM
from napari_crbm.spikes import Spikes
from napari_crbm.temporal.jumps import Jumps

#: Chains that kernels advance together; whole words of 64.
BATCH = 256


class DrivenChains:
    """C chains; chain c belongs to the frame ``place[c]``.

    Hold `kernel_threads` while calling methods. Results do not depend on the number of threads.

    Parameters
    ----------
    rbm : RBM
    start : Spikes
        Recorded frames of which chains start.
    frames : (C,) int
        Frame of ``start`` for each chain.
    jumps : Jumps, optional
        Jumps of hidden units in every Gibbs step that asks for them.

    Attributes
    ----------
    fields : (N,) float32
        Fields of the neurons, at first those of ``rbm``.
    """

    def __init__(
        self,
        rbm: RBM,
        start: Spikes,
        frames: NDArray[np.integer],
        jumps: Jumps | None = None,
    ) -> None:
        self.rbm = rbm
        self._jumps = jumps
        self._steps = 0
        self.fields = rbm.fields
        self._weights = efficient(rbm.weights)
        self.place = np.arange(len(frames))
        self.inputs = np.empty((len(frames), rbm.n_hidden), dtype=np.float32)
        self.bits = [bits_from_dense(start.dense(frames[part])) for part in self._batches()]
        for part, bits in zip(self._batches(), self.bits, strict=True):
            self._weights.project_bits(bits, self.inputs[part])

    def __len__(self) -> int:
        return len(self.place)

    def _batches(self) -> list[slice]:
        return [
            slice(start, min(start + BATCH, len(self.place)))
            for start in range(0, len(self.place), BATCH)
        ]

    def advance(
        self, drive: NDArray[np.float32], key: np.uint64, *, jumping: int | None = None
    ) -> None:
        """Run one Gibbs step on all chains, with drives (C, M) of the frames.

        Parameters
        ----------
        drive : (C, M) float32
        key : uint64
        jumping : int, optional
            Hidden units jump, too, in every so many batches of chains: all batches with 1. By
            default none do.
        """
        own = drive[self.place]
        for number, (part, bits) in enumerate(zip(self._batches(), self.bits, strict=True)):
            batch_key = np.uint64(subkey(key, number))
            hidden_key, visible_key = (np.uint64(subkey(batch_key, k)) for k in (0, 1))
            hidden = self.rbm.hidden.sample(self.inputs[part] + own[part], hidden_key)
            if self._jumps is not None and jumping and (number + self._steps) % jumping == 0:
                self._jumps.move(hidden, own[part], self.fields, np.uint64(subkey(batch_key, 2)))
            self._weights.draw_neurons(
                self.fields, in_vectors(hidden), self.inputs[part], bits, visible_key
            )
        self._steps += 1

    def change_model(self, rbm: RBM, fields: NDArray[np.float32], jumps: Jumps | None) -> None:
        """Go on from the present activity with other weights, units, fields and jumps."""
        self.rbm, self.fields, self._jumps = rbm, fields, jumps
        self._weights = efficient(rbm.weights)
        for part, bits in zip(self._batches(), self.bits, strict=True):
            self._weights.project_bits(bits, self.inputs[part])

    def exchange(self, drive: NDArray[np.float32], generator: np.random.Generator) -> float:
        """Let random pairs of chains change places, and return the share of pairs that did."""
        half = len(self) // 2
        if not half:
            return 0.0
        order = generator.permutation(len(self))
        first, second = order[:half], order[half : 2 * half]
        own = self._gain(np.concatenate([first, second]), drive, np.concatenate([first, second]))
        crossed = self._gain(
            np.concatenate([first, second]), drive, np.concatenate([second, first])
        )
        change = (crossed - own).reshape(2, half).sum(axis=0)
        accepted = np.log(generator.random(half)) < change
        a, b = first[accepted], second[accepted]
        self.place[a], self.place[b] = self.place[b], self.place[a]
        return float(accepted.mean())

    def _gain(
        self,
        chains: NDArray[np.int64],
        drive: NDArray[np.float32],
        owners: NDArray[np.int64],
    ) -> NDArray[np.float64]:
        """Compute G of the states of some chains at the frames of other chains, (n,)."""
        shifted = self.inputs[chains] + drive[self.place[owners]]
        return np.asarray(self.rbm.hidden.cumulant(shifted).sum(axis=1))

    def means(self, drive: NDArray[np.float32]) -> NDArray[np.float32]:
        """Compute E[h | v, past] of the states, (C, M) in the order of the frames."""
        out = np.empty_like(self.inputs)
        out[self.place] = self.rbm.hidden.mean(self.inputs + drive[self.place])
        return out

    def rates(self) -> NDArray[np.float64]:
        """Return the share of the chains in which each neuron is active, (N,)."""
        counts = [np.bitwise_count(bits).sum(axis=1, dtype=np.int64) for bits in self.bits]
        return np.asarray(np.sum(counts, axis=0) / len(self))

    def state(self) -> dict[str, Any]:
        """Return copies of everything that `restore` needs."""
        return {
            "chain_bits": np.concatenate(self.bits, axis=1),
            "chain_inputs": self.inputs.copy(),
            "chain_places": self.place.copy(),
            "chain_steps": self._steps,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue bit for bit from `state`."""
        self.inputs = np.array(state["chain_inputs"], dtype=np.float32)
        self.place = np.array(state["chain_places"], dtype=np.int64)
        self._steps = int(state["chain_steps"])
        bits = np.asarray(state["chain_bits"], dtype=np.uint64)
        words = np.cumsum([each.shape[1] for each in self.bits])[:-1]
        self.bits = [np.ascontiguousarray(each) for each in np.split(bits, words, axis=1)]
