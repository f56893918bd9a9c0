"""The benchmark runs, and every answer in it is a good one."""

import pytest

from benchmarks import scim


@pytest.mark.soak
@pytest.mark.postgres
def test_the_benchmark_runs_without_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert scim.main(["--quick"]) == 0
    told = capsys.readouterr().out
    assert "answers that were errors: 0" in told
    assert told.count("\n| ") == len(scim.ROWS) + 2
