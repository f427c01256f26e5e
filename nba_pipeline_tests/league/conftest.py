"""Fixtures of the league's tests."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest


@pytest.fixture
def threads_that_interrupt_each_other() -> Iterator[ThreadPoolExecutor]:
    """Threads that take turns a thousand times as often as usual, so that what is not locked shows."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(usual / 1000)
    with ThreadPoolExecutor(8) as pool:
        yield pool
    sys.setswitchinterval(usual)
