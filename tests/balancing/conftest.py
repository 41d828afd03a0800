"""What several tests of balancing methods need."""

import pytest

from tests.balancing.gramians import random_jacobians


@pytest.fixture(params=[2, 3, 5, 9])
def jacobians(request):
    return random_jacobians(request.param)
