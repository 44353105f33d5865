import numpy as np
import pytest
from scipy import sparse

from napari_crbm.simulation.coupling import Messages, within_budget
from napari_crbm.simulation.isolated import POSITIONS, Wells, fit_unit, member_gain


def shared_pair(n_shared, n_own=40, seed=0):
    """Two assemblies of ``n_own`` members and some shared ones."""
    rng = np.random.default_rng(seed)
    n_neurons = 2 * n_own + n_shared
    dense = np.zeros((n_neurons, 2))
    dense[: n_own + n_shared, 0] = rng.uniform(3, 5, n_own + n_shared)
    dense[n_own:, 1] = rng.uniform(3, 5, n_own + n_shared)
    dense[n_own : n_own + n_shared] *= 0.5
    return sparse.csc_array(dense), np.log(rng.uniform(0.01, 0.04, n_neurons))


def test_few_shared_members_are_kept_and_many_are_not():
    few, log_odds = shared_pair(2)
    assert (within_budget(few, log_odds) != few).nnz == 0
    many, log_odds = shared_pair(60)
    kept = within_budget(many, log_odds).toarray()
    both = (kept != 0).all(axis=1).sum()
    assert 1 <= both < 40
    # A neuron loses its weaker membership only.
    assert ((kept != 0).any(axis=1)).all()
    assert np.isin(kept[kept != 0], many.toarray()).all()


def test_assemblies_without_shared_members_hear_nothing():
    shifts, log_odds = shared_pair(0)
    assert (Messages(shifts, log_odds).gain(0) == 0).all()


def test_messages_give_the_exact_duty_of_a_coupled_pair():
    """Two units joined by shared members: compare with their joint density on a grid."""
    shifts, log_odds = shared_pair(5)
    messages = Messages(shifts, log_odds)
    columns = [slice(*shifts.indptr[k : k + 2]) for k in range(2)]
    for _ in range(4):
        units = [
            fit_unit(
                shifts.data[members],
                log_odds[shifts.indices[members]],
                0.08,
                1.5,
                company=messages.gain(k),
            )
            for k, members in enumerate(columns)
        ]
        messages.update(units)
    coarse = POSITIONS[::10]
    dense = shifts.toarray()
    log_joint = np.zeros((len(coarse), len(coarse)))
    both = (dense != 0).all(axis=1)
    for k, unit in enumerate(units):
        h = unit.off + unit.separation * coarse
        own = ~both & (dense[:, k] != 0)
        value = member_gain(h, dense[own, k] / unit.separation, log_odds[own], unit.off)
        up, down = np.maximum(h, 0), np.maximum(-h, 0)
        gp, gm, tp, tm = unit.parameters
        value -= 0.5 * gp * up**2 + 0.5 * gm * down**2 + tp * up + tm * down
        log_joint += value[:, None] if k == 0 else value[None, :]
    for neuron in np.flatnonzero(both):
        s, t = dense[neuron]
        drive = log_odds[neuron] + s * coarse[:, None] + t * coarse[None, :]
        log_joint += np.logaddexp(0, drive)
    joint = np.exp(log_joint - log_joint.max())
    joint /= joint.sum()
    for k, unit in enumerate(units):
        on = unit.off + unit.separation * coarse > 0
        assert joint.sum(axis=1 - k)[on].sum() == pytest.approx(0.08, abs=0.02)


def test_a_deeper_well_lies_further_out():
    assert Wells.with_duty(0.08, 3.0).separation > Wells.with_duty(0.08, 1.0).separation
