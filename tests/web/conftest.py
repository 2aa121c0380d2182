"""A browser for all tests of this folder."""
import pytest

from browser import PROGRAM, Browser


@pytest.fixture(scope="session")
def browser():
    if PROGRAM is None:
        pytest.skip("no chromium here: tools/setup packaging/web-packages.txt")
    one = Browser()
    yield one
    one.close()
