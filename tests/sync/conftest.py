"""Lets pytest explain the assertions of the helpers."""

import pytest

pytest.register_assert_rewrite("tests.sync.world")
