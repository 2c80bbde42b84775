"""Fixtures: the function in this process, on moto."""

from collections.abc import Iterator

import pytest
from moto import mock_aws

from tests.service.world import World


@pytest.fixture
def world() -> Iterator[World]:
    """AWS, seeded, with nothing held over from another test."""
    with mock_aws():
        from appointments import clients, records  # noqa: PLC0415 - after the environment is set

        clients.client.cache_clear()
        records._held = None
        yield World()
