import pytest

from tests.quality.planted import FULL, check_recovery_and_statistics


@pytest.mark.quality
@pytest.mark.timeout(1500)
def test_planted_assemblies_are_recovered_and_statistics_reproduced(request):
    # The first of them has ended with a state that no recording shows, at this size.
    check_recovery_and_statistics("crbm", request.config.getoption("--seeds"), FULL)
