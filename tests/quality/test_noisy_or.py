import pytest

from tests.quality.planted import SMALL, check_recovery_and_statistics


@pytest.mark.quality
@pytest.mark.timeout(1500)
def test_planted_assemblies_are_recovered_and_statistics_reproduced(request):
    n_seeds = request.config.getoption("--seeds")
    check_recovery_and_statistics("noisy-or", n_seeds, SMALL, first_seed=2)
