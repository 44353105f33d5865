"""Jumps of hidden units: right by enumeration, and what they are for."""

import numpy as np
import pytest
from scipy import optimize, special

from napari_crbm.model import CRBM
from napari_crbm.model.backends.numba_backend import NUMBA
from napari_crbm.model.compute.bits import bits_from_dense, dense_from_bits
from napari_crbm.model.compute.randomness import stream
from napari_crbm.model.compute.threads import available_threads, kernel_threads
from napari_crbm.model.compute.weights import DenseWeights, SparseWeights, in_vectors
from napari_crbm.model.sampling.jumps import _Proposals, advance, jump
from napari_crbm.model.sampling.starts import restart_balanced, restart_in_unions
from napari_crbm.model.units.drelu import DReLU
from napari_crbm.spikes import Spikes
from tests.conftest import all_patterns, random_model
from tests.model.sampling.test_chains import N, chi_square, pattern_probability

CHAINS = 20_000


def both_forms(weights):
    return DenseWeights(weights), SparseWeights.where(weights, weights != 0)


@pytest.fixture
def model() -> CRBM:
    model = random_model(N, 2)
    model.weights_[[0, 3], [1, 0]] = 0
    return model


def exact_activity(model: CRBM) -> np.ndarray:
    generator = np.random.default_rng(0)
    drawn = generator.choice(2**N, size=CHAINS, p=pattern_probability(model))
    return all_patterns(N)[drawn]


def jumped(model: CRBM, form, units: DReLU) -> np.ndarray:
    bits = bits_from_dense(exact_activity(model))
    inputs = np.empty((CHAINS, 2), dtype=np.float32)
    examples = np.random.default_rng(1).normal(1.0, 2.0, (7, 2)).astype(np.float32)
    with kernel_threads():
        form.project_bits(bits, inputs)
        switched = jump(form, model.fields_, units, inputs, bits, examples, stream(5))
    assert sorted(switched) == [0, 1]
    assert all(0.05 < share < 0.95 for share in switched.values())
    np.testing.assert_allclose(inputs, dense_from_bits(bits, CHAINS) @ model.weights_, atol=1e-5)
    return dense_from_bits(bits, CHAINS).astype(int)


@pytest.mark.parametrize("which", [0, 1], ids=["dense", "sparse"])
def test_a_jump_leaves_the_distribution_alone_whatever_the_examples(model, which):
    after = jumped(model, both_forms(model.weights_)[which], model.hidden_)
    assert chi_square(after, pattern_probability(model)) > 1e-3


def test_jumps_with_another_potential_do_not(model):
    wrong = model.hidden_._replace(theta_plus=model.hidden_.theta_plus + 0.3)
    after = jumped(model, DenseWeights(model.weights_), wrong)
    assert chi_square(after, pattern_probability(model)) < 1e-3


@pytest.mark.parametrize("density", [0.1, 0.9])
@pytest.mark.parametrize("n_chains", [1, 16, 33])
def test_gains_are_differences_of_log_sums_over_neurons(density, n_chains):
    generator = np.random.default_rng(0)
    weights = generator.normal(0, 1.0, (700, 5)).astype(np.float32)
    weights[generator.random(weights.shape) > density] = 0
    fields = generator.normal(-3, 1, 700).astype(np.float32)
    hidden = generator.normal(0, 2, (n_chains, 5)).astype(np.float32)
    steps = generator.normal(0, 2, n_chains).astype(np.float32)
    moved = hidden.astype(np.float64)
    moved[:, 3] += steps
    expected = (
        np.logaddexp(0, moved @ weights.T + fields) - np.logaddexp(0, hidden @ weights.T + fields)
    ).sum(axis=1)
    for form in both_forms(weights):
        members_of = form.members()
        for unit in range(5):
            assert np.array_equal(members_of(unit), np.flatnonzero(weights[:, unit]))
        members = members_of(3)
        with kernel_threads():
            found = form.gains(fields, members, 3, in_vectors(hidden), steps)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


def test_overlap_is_the_log_density_of_the_proposal_but_for_the_potential():
    generator = np.random.default_rng(0)
    units = DReLU(*(value * np.array([1.0, 2.0, 0.5]) for value in (1.5, 0.8, 0.3, -0.2)))
    inputs = generator.normal(0, 3, (9, 3)).astype(np.float32)
    values = generator.normal(0, 2, (3, 40)).astype(np.float32)
    cumulants = units.cumulant(inputs)
    blocks = [np.array([2, 0]), np.array([1])]
    asked = generator.random((2, 40)) < 0.7
    with kernel_threads():
        out = NUMBA.log_overlap(values, inputs.T.copy(), cumulants.T.copy(), blocks, asked)
    powers = inputs.astype(float)[:, :, None] * values - cumulants[:, :, None]
    for found, block, wanted in zip(out, blocks, asked, strict=True):
        expected = special.logsumexp(powers[:, block].sum(axis=1), axis=0)
        np.testing.assert_allclose(found, np.where(wanted, expected, 0), atol=1e-9)


def proposals_from(examples: np.ndarray, alike: np.ndarray | None = None) -> _Proposals:
    """Of units whose mean is their input."""
    n_hidden = examples.shape[1]
    weights = DenseWeights(np.zeros((5, n_hidden), dtype=np.float32))
    units = DReLU(*np.repeat([[1.0], [1.0], [0.0], [0.0]], n_hidden, axis=1))
    return _Proposals.made(weights, units, examples.astype(np.float32), NUMBA, alike)


def test_blocks_hold_every_unit_once_and_those_together_that_are_alike():
    generator = np.random.default_rng(0)
    common = generator.normal(0, 1, (200, 1))
    means = generator.normal(0, 1, (200, 12))
    means[:, :3] = common + 0.3 * means[:, :3]
    means[:, 3] = 1.0
    proposals, together = proposals_from(means), 0
    for seed in range(50):
        blocks = proposals.blocks(np.random.default_rng(seed))
        assert sorted(np.concatenate(blocks)) == list(range(12))
        for block in blocks:
            leader = int(block[0])
            alike = set(block[1:].tolist())
            assert alike <= ({0, 1, 2} if leader < 3 else set())
            together += len(alike) > 0
    assert together > 10


def test_a_large_assembly_takes_along_all_units_that_stand_for_it():
    # Ten small units go with a large one, and with some others that it does not go with.
    generator = np.random.default_rng(0)
    examples = generator.normal(0, 1, (2000, 21))
    examples[:, 1:11] += 0.7 * examples[:, :1] + 0.7 * examples[:, 11:]
    examples[:, 0] *= 10
    proposals = proposals_from(examples)
    wholes = 0
    for seed in range(200):
        for block in proposals.blocks(np.random.default_rng(seed)):
            wholes += block[0] == 0 and set(block.tolist()) >= set(range(11))
    # Half of the rounds begin with it, half of these with a block for all.
    assert wholes > 30


def test_who_is_alike_may_be_known_from_more_frames_than_the_examples():
    examples = np.random.default_rng(0).normal(0, 1, (2, 3)).astype(np.float32)
    alike = np.array([[1.0, 0.0, 0.9], [0.0, 1.0, 0.0], [0.9, 0.0, 1.0]])
    proposals = proposals_from(examples, alike)
    found = {
        tuple(sorted(block.tolist()))
        for seed in range(50)
        for block in proposals.blocks(np.random.default_rng(seed))
    }
    # Two frames alone make all units perfectly correlated.
    assert found == {(0,), (2,), (1,), (0, 2)}


def test_blocks_leave_the_distribution_alone():
    """Units that always jump together, with examples that are right for neither."""
    model = random_model(N, 3)
    examples = np.random.default_rng(1).normal(1.0, 2.0, (7, 1)).astype(np.float32)
    examples = np.ascontiguousarray(np.repeat(examples, 3, axis=1))
    bits = bits_from_dense(exact_activity(model))
    inputs = np.empty((CHAINS, 3), dtype=np.float32)
    form = DenseWeights(model.weights_)
    together = 0
    with kernel_threads():
        form.project_bits(bits, inputs)
        for key in range(3):
            args = (form, model.fields_, model.hidden_, inputs, bits, examples, stream(key))
            shares = list(jump(*args).values())
            together += len(set(shares)) < 3
    assert together > 0
    after = dense_from_bits(bits, CHAINS).astype(int)
    assert chi_square(after, pattern_probability(model)) > 1e-3


@pytest.mark.parametrize("width", [0.1, 8.0])
def test_gains_of_large_moves_do_not_run_out_of_numbers(width):
    # One logarithm serves several neurons; the product must not overflow on the way.
    generator = np.random.default_rng(0)
    weights = generator.normal(0, width, (300, 1)).astype(np.float32)
    fields = generator.normal(-3, 1, 300).astype(np.float32)
    steps = np.array([-3.0, 2.0, 0.0], dtype=np.float32)
    hidden = np.zeros((3, 1), dtype=np.float32)
    drive = steps[:, None] * weights[:, 0] + fields
    expected = (np.logaddexp(0, drive) - np.logaddexp(0, fields)).sum(axis=1)
    for form in both_forms(weights):
        with kernel_threads():
            found = form.gains(fields, form.members()(0), 0, in_vectors(hidden), steps)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-3)


@pytest.mark.skipif(available_threads() < 2, reason="needs two cores")
def test_the_number_of_threads_does_not_matter(model):
    results = []
    for n_threads in (1, 2):
        bits = bits_from_dense(exact_activity(model)[:100])
        inputs = np.zeros((100, 2), dtype=np.float32)
        with kernel_threads(n_threads):
            form = DenseWeights(model.weights_)
            form.project_bits(bits, inputs)
            advance(
                form, model.fields_, model.hidden_, inputs, bits, inputs[:9].copy(), stream(2), 11
            )
        results.append((bits, inputs))
    for one, two in zip(*results, strict=True):
        assert np.array_equal(one, two)


def share_up(theta: float, model: CRBM) -> float:
    """Exact probability of h > 0 with ``theta_plus = theta``, from the marginal of h."""
    levels = np.linspace(-8, 8, 4001)
    units = model.hidden_._replace(theta_plus=np.array([theta]))
    log_p = -units.potential(levels[:, None])[:, 0]
    log_p += np.logaddexp(0, model.weights_[:, 0] * levels[:, None] + model.fields_).sum(axis=1)
    p = np.exp(log_p - log_p.max())
    return float(p[levels > 0].sum() / p.sum())


def bistable(size: int = 60) -> CRBM:
    """An assembly that stays off for long and on for long, with both equally likely."""
    weights = np.full((size, 1), 2.0, dtype=np.float32)
    gamma, theta = np.array([40.0]), np.array([-60.0])
    fields = np.full(size, -0.2, dtype=np.float32)
    model = CRBM.from_parameters(weights, fields, DReLU(gamma, gamma, theta, theta))
    even = optimize.brentq(lambda value: share_up(value, model) - 0.5, -200, 400)
    return CRBM.from_parameters(
        weights, fields, model.hidden_._replace(theta_plus=np.array([even]))
    )


def with_examples(model: CRBM, examples) -> CRBM:
    """The same model with hidden inputs of frames, so that its units can jump."""
    return CRBM.from_parameters(
        model.weights_, model.fields_, model.hidden_, examples=np.asarray(examples)
    )


def share_on(model: CRBM, **settings) -> float:
    sample = model.sample(2000, n_chains=2000, thin=1, **settings)
    return float((sample.frame_counts > 0.5 * model.n_neurons).mean())


def test_jumps_switch_assemblies_that_gibbs_steps_leave_as_they_are():
    model = bistable()
    silent = Spikes.from_dense(np.zeros((3, model.n_neurons)))
    assert share_on(model, burn_in=50, start=silent) < 0.01
    model = with_examples(model, [[0.0], [2.0 * model.n_neurons]])
    found = share_on(model, burn_in=50, start=silent)
    assert found == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / 2000))


def test_units_that_cannot_switch_alone_switch_together():
    # Two units do together what one does in the model above; one of them alone half of it.
    one = bistable()
    gamma_plus, gamma_minus, *thetas = (np.repeat(row, 2) for row in one.hidden_)
    units = DReLU(2 * gamma_plus, 2 * gamma_minus, *thetas)
    model = CRBM.from_parameters(np.repeat(one.weights_, 2, axis=1), one.fields_, units)
    silent = Spikes.from_dense(np.zeros((3, model.n_neurons)))
    off, on = 0.0, 2.0 * model.n_neurons
    shares = []
    for examples in ([[off, on], [on, off], [off, off], [on, on]], [[off, off], [on, on]]):
        shares.append(share_on(with_examples(model, examples), burn_in=100, start=silent))
    assert shares[0] < 0.05
    assert shares[1] == pytest.approx(0.5, abs=0.1)


def test_restarts_lay_frames_over_each_other_and_spare_the_other_chains():
    raster = np.eye(50, dtype=bool)[:40]
    before = np.random.default_rng(0).random((70, 50)) < 0.5
    bits = bits_from_dense(before)
    restart_in_unions(bits, np.array([3, 66]), Spikes.from_dense(raster), np.random.default_rng(0))
    after = dense_from_bits(bits, 70)
    others = np.setdiff1d(np.arange(70), [3, 66])
    assert np.array_equal(after[others], before[others])
    counts = after[[3, 66]].sum(axis=1)
    assert (counts >= 1).all() and (counts <= 8).all() and not after[:, 40:][[3, 66]].any()


def test_balanced_restarts_begin_with_as_much_on_as_the_recording_shows():
    n_chains, rate = 20_000, 0.02
    together = np.repeat(np.random.default_rng(1).random((5000, 1)) < rate, 30, axis=1)
    spikes = Spikes.from_dense(together)
    bits = np.zeros((30, -(-n_chains // 64)), dtype=np.uint64)
    fields = np.full(30, special.logit(0.25), dtype=np.float32)
    restart_balanced(bits, np.arange(n_chains), spikes, fields, np.random.default_rng(0))
    states = dense_from_bits(bits, n_chains)
    on = states.sum(axis=1)
    # Independent neurons, of which a quarter is active, are hardly ever all on or all off.
    mixed = (on > 0) & (on < 30)
    assert mixed.mean() == pytest.approx(1 / 7, abs=0.01)
    assert states[mixed].mean() == pytest.approx(0.25, abs=0.01)
    share = float((on == 30).sum() / (~mixed).sum())
    recorded = float(spikes.mean_activity[0])
    assert share == pytest.approx(recorded, abs=4 * np.sqrt(recorded / (~mixed).sum()))


def test_balanced_restarts_spare_the_other_chains():
    before = np.random.default_rng(0).random((70, 50)) < 0.5
    bits = bits_from_dense(before)
    restart_balanced(
        bits,
        np.array([3, 66]),
        Spikes.from_dense(np.eye(50, dtype=bool)),
        np.full(50, -30.0, dtype=np.float32),
        np.random.default_rng(0),
    )
    after = dense_from_bits(bits, 70)
    others = np.setdiff1d(np.arange(70), [3, 66])
    assert np.array_equal(after[others], before[others])
    assert (after[[3, 66]].sum(axis=1) <= 3).all()
