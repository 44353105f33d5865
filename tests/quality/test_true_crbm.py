import pytest

from tests.quality.planted import LARGE, check_recovery_and_statistics


@pytest.mark.quality
@pytest.mark.timeout(1500)
def test_planted_assemblies_are_recovered_and_statistics_reproduced(request):
    check_recovery_and_statistics("crbm", request.config.getoption("--seeds"), LARGE)
