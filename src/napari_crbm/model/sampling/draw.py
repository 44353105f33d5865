r"""Draw samples and report whether chains have settled, and the effective sample size.

Both are measured for the expected activity of every hidden unit and for the number of active
neurons; the slowest of these quantities decides. Ten chains start from each initial state. They
have settled if chains of the same initial state are no more alike than others: nested R-hat
compares the variance between such groups with that within them (Margossian et al. 2024). Unlike
R-hat of single chains, it does not ask every chain to visit all modes. Successive states of a
chain are correlated: with the integrated autocorrelation time tau (Sokal 1997), S Gibbs steps are
worth S / tau independent states.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_crbm.errors import ModelError
from napari_crbm.model.compute.bits import dense_from_bits
from napari_crbm.model.compute.threads import kernel_threads
from napari_crbm.model.rbm import RBM, HasRBM
from napari_crbm.model.sampling.chains import Chains
from napari_crbm.model.sampling.starts import shared_starts
from napari_crbm.model.sampling.switching import EVERY, SwitchingChains
from napari_crbm.spikes import Spikes

#: Effective sample size below which statistics are uncertain.
ENOUGH = 200
# Samples are farther apart than `_USUAL_THIN` steps only if they are worth fewer frames than this.
_WORTH, _USUAL_THIN = 2000, 20
# Measurements before the chains are compared for the first time.
_FIRST = 64
#: Sampling of the paper: chains, frames of each, Gibbs steps before the first and between two.
PUBLISHED_CHAINS, PUBLISHED_FRAMES = 300, 50
_PUBLISHED_BURN_IN, _PUBLISHED_THIN = 2000, 20
#: Chains have settled if nested R-hat of no quantity exceeds this, the usual limit of R-hat.
MAX_R_HAT = 1.1
# Chains that share an initial state.
_GROUP = 10
# With fewer groups, nested R-hat of the worst quantity exceeds its limit by chance.
_FEWEST_CHAINS = 15 * _GROUP
# Sums over lags end here, in autocorrelation times (Sokal's automatic window).
_WINDOW = 5.0
# A quantity that varies by no more than this, in absolute terms or relative to its size, is
# constant: float32 inputs that are updated step by step vary so much by rounding alone.
_SMALLEST_SD, _ROUNDING = 1e-6, 1e-5


@dataclass(frozen=True, eq=False)
class Samples:
    """Activity drawn from a model, and its effective sample size.

    Parameters
    ----------
    spikes : Spikes
        (n_samples, N).
    n_chains, burn_in, thin : int
        Chains, Gibbs steps before the first sample and between samples.
    autocorrelation_steps : (M + 1,) float64
        Integrated autocorrelation time of every hidden unit and, last, of the number of
        active neurons, in Gibbs steps.
    r_hat : (M + 1,) float64
        Nested R-hat of these quantities at the end of the burn-in; 1 if the chains do not depend
        on their initial states.
    """

    spikes: Spikes
    n_chains: int
    burn_in: int
    thin: int
    autocorrelation_steps: NDArray[np.float64]
    r_hat: NDArray[np.float64]

    @property
    def settled(self) -> bool:
        """Whether the chains no longer depend on their initial states."""
        return bool(self.r_hat.max() <= MAX_R_HAT)

    @property
    def effective_sizes(self) -> NDArray[np.float64]:
        """Effective sample size of every quantity, (M + 1,) as above; at most the sample size."""
        per_sample = np.minimum(1.0, self.thin / self.autocorrelation_steps)
        # One state of every chain is independent of all others, however slow the chains.
        n_samples = self.spikes.n_frames
        return np.asarray(np.maximum(min(self.n_chains, n_samples), n_samples * per_sample))

    @property
    def effective_size(self) -> float:
        """Effective sample size of the slowest quantity."""
        return float(self.effective_sizes.min())

    @property
    def warning(self) -> str | None:
        """A sentence if statistics of these samples are uncertain; None if they are not."""
        if not self.settled:
            worst = int(np.argmax(self.r_hat))
            return (
                f"The model's chains mix slowly: after {self.burn_in:,} Gibbs steps "
                f"{self._name(worst)} still depends on the initial states of the chains (nested "
                f"R-hat {self.r_hat[worst]:.2f}; at most {MAX_R_HAT} is usual). "
                "Train with fewer assemblies or a stronger penalty."
            )
        what = self._name(int(np.argmax(self.autocorrelation_steps)))
        if self.effective_size < ENOUGH:
            return (
                f"The {self.spikes.n_frames:,} frames drawn from the model are worth about "
                f"{self.effective_size:.0f} independent ones for {what}: its statistics have "
                f"an error of {100 / np.sqrt(self.effective_size):.0f} % of its standard "
                "deviation. Draw more frames or use more chains."
            )
        return None

    def _name(self, quantity: int) -> str:
        last = len(self.r_hat) - 1
        return "the number of active neurons" if quantity == last else f"assembly {quantity}"


def integrated_autocorrelation(series: NDArray[np.floating]) -> NDArray[np.float64]:
    """Compute the integrated autocorrelation time of every quantity, in steps of the series, (K,).

    Parameters
    ----------
    series : (S, B, K) float array
        S measurements of B chains. The mean is taken over all chains, so that chains that stay
        apart have a long time. A constant has time 1.
    """
    n_steps = len(series)
    # In float32 the mean of a constant differs from it, as if chains stayed off their mean.
    centred = series - series.mean(axis=(0, 1), dtype=np.float64)
    size = 2 ** int(np.ceil(np.log2(2 * n_steps)))
    power = np.zeros((size // 2 + 1, series.shape[2]))
    for chain in range(series.shape[1]):
        power += np.abs(np.fft.rfft(centred[:, chain], size, axis=0)) ** 2
    covariance = np.fft.irfft(power, size, axis=0)[:n_steps]
    covariance /= (n_steps - np.arange(n_steps))[:, None]
    variance = covariance[0]
    flat = _flat(series, variance)
    correlation = covariance / np.where(flat, 1.0, variance)
    times = 2 * np.cumsum(correlation, axis=0) - 1
    enough = np.arange(n_steps)[:, None] >= _WINDOW * times
    last = np.where(enough.any(axis=0), enough.argmax(axis=0), n_steps - 1)
    found = np.maximum(times[last, np.arange(times.shape[1])], 1.0)
    return np.asarray(np.where(flat, 1.0, found))


def nested_r_hat(values: NDArray[np.floating], n_states: int) -> NDArray[np.float64]:
    """Compute nested R-hat of every quantity from one measurement of each chain, (K,).

    It is the root of (between + within) / within, the variances between and within groups of
    chains with the same initial state (Margossian et al. 2024). The variance between groups is
    estimated without bias, so that the value is 1 for independent chains.

    Parameters
    ----------
    values : (B, K) float array
        Chain k started from state k mod ``n_states``. A constant has the value 1.
    n_states : int
        At least 2; more chains than states.
    """
    n_chains = len(values)
    group = np.arange(n_chains) % n_states
    sizes = np.bincount(group).astype(np.float64)
    sums = np.zeros((n_states, values.shape[1]))
    np.add.at(sums, group, values.astype(np.float64))
    means = sums / sizes[:, None]
    within = ((values - means[group]) ** 2).sum(axis=0) / (n_chains - n_states)
    deviation = means - values.mean(axis=0, dtype=np.float64)
    between = (sizes[:, None] * deviation**2).sum(axis=0) / (n_states - 1)
    size = (n_chains - (sizes**2).sum() / n_chains) / (n_states - 1)
    excess = np.maximum(between - within, 0) / size
    flat = _flat(values[None], excess + within)
    ratio = np.where(flat, 0.0, excess) / np.where(flat, 1.0, np.maximum(within, 1e-300))
    return np.asarray(np.sqrt(1 + ratio))


def _flat(series: NDArray[np.floating], variance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Find the quantities (K,) that vary by no more than rounding."""
    scale = np.abs(series).max(axis=(0, 1))
    return np.asarray(variance <= (_SMALLEST_SD + _ROUNDING * scale) ** 2)


def draw(
    model: HasRBM,
    n_samples: int,
    *,
    n_chains: int = 300,
    start: Spikes | None = None,
    max_burn_in: int = 4000,
    max_thin: int = 100,
    as_published: bool = False,
    random_state: int = 0,
    report: Callable[[int, int], None] | None = None,
) -> Samples:
    """Draw activity from a model, with burn-in and thinning that its chains need.

    Chains run until they no longer depend on their initial states (see `MAX_R_HAT`), or for
    ``max_burn_in`` steps.
    Then samples are taken one autocorrelation time apart, or 20 steps if that is less: many of the
    independent states are different chains. Where chains mix so slowly that all samples would be
    worth fewer than 2,000 independent frames, they are taken farther apart, ``max_thin`` steps at
    most. `draw_after` takes fixed numbers of steps instead.

    Parameters
    ----------
    model : RBM or CRBM
    n_samples : int
        Frames to draw.
    n_chains : int
        Chains side by side, at least 150. Ten share each initial state.
    start : Spikes, optional
        Recorded frames to start from; independent neurons otherwise. Every second initial state
        is the union of several frames, which exposes spurious modes that are absent from the
        data.
    max_burn_in, max_thin : int
        Largest numbers of Gibbs steps before the first sample and between samples.
    as_published : bool
        Draw as the paper does (Methods), to compare with its figures: Gibbs chains without
        switches that all start from recorded frames, and after 2,000 steps one frame every 20
        steps. The autocorrelation is measured but not used. The paper takes `PUBLISHED_FRAMES`
        frames from each of `PUBLISHED_CHAINS` chains.
    random_state : int
    report : callable, optional
        Called with (Gibbs steps done, expected in all); may raise to cancel.

    Raises
    ------
    ModelError
        If ``as_published`` lacks frames to start from.
    """
    if as_published and start is None:
        raise ModelError("The paper draws from chains that start in recorded frames: give them.")
    rbm, n_chains = model.rbm_, max(n_chains, _FEWEST_CHAINS)
    n_states = n_chains // _GROUP
    sweeps = -(-n_samples // n_chains)
    bits = shared_starts(rbm.fields, n_chains, n_states, start, random_state, not as_published)
    make = Chains if as_published else SwitchingChains
    with kernel_threads(rbm.n_threads):
        chains = make(rbm, n_chains, random_state=random_state, bits=bits)
    done = 0

    def advance(steps: int, expected: int) -> None:
        nonlocal done
        with kernel_threads(rbm.n_threads):
            chains.advance(steps)
        done += steps
        if report is not None:
            report(done, max(done, expected))

    series: list[NDArray[np.float32]] = []
    first = _FIRST * EVERY
    if as_published:
        first = max_burn_in = _PUBLISHED_BURN_IN
    wanted = max(min(first, max_burn_in) // EVERY, 4)
    while True:
        while len(series) < wanted:
            advance(EVERY, EVERY * wanted + sweeps * EVERY)
            series.append(_measured(rbm, chains, n_chains))
        agreement = nested_r_hat(series[-1], n_states)
        if agreement.max() <= MAX_R_HAT or EVERY * wanted >= max_burn_in:
            break
        wanted = min(2 * wanted, max_burn_in // EVERY)
    burn_in = done
    # The first half still depends on the initial states.
    steps = EVERY * integrated_autocorrelation(np.stack(series[len(series) // 2 :]))
    slowest = float(steps.max())
    needed = max(min(slowest, _USUAL_THIN), slowest * min(_WORTH / n_samples, 1.0))
    needed = int(np.clip(np.ceil(needed), EVERY, max_thin))
    thin = _PUBLISHED_THIN if as_published else needed

    def blocks() -> Iterator[NDArray[np.uint8]]:
        for sweep in range(sweeps):
            if sweep:
                advance(thin, burn_in + (sweeps - 1) * thin)
            activity = dense_from_bits(chains.bits, n_chains)
            yield activity[: n_samples - sweep * n_chains]

    spikes = Spikes.from_chunks(blocks(), n_samples, rbm.n_neurons)
    return Samples(spikes, n_chains, burn_in, thin, steps, agreement)


def _measured(rbm: RBM, chains: Chains | SwitchingChains, n_chains: int) -> NDArray[np.float32]:
    """Compute expected hidden activity and number of active neurons per chain, (B, M + 1)."""
    counts = np.zeros(n_chains, dtype=np.float32)
    for first in range(0, len(chains.bits), 4096):
        rows = chains.bits[first : first + 4096]
        counts += dense_from_bits(rows, n_chains).sum(axis=1, dtype=np.float32)
    with kernel_threads(rbm.n_threads):
        hidden = rbm.hidden.mean(chains.inputs)
    return np.column_stack([hidden, counts]).astype(np.float32)
