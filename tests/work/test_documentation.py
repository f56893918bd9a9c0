"""The documents about commands and API say what there is."""

import re
from pathlib import Path

from gateway.cli.reference import reference
from gateway.http.api.routes import ENDPOINTS
from gateway.work.schedule import KEYS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_reference_of_the_commands_is_up_to_date() -> None:
    written = (DOCS / "cli.md").read_text(encoding="utf-8")
    assert written == reference(), "run python -m gateway.cli.reference > docs/cli.md"


def test_every_endpoint_and_setting_of_a_schedule_is_in_the_page() -> None:
    page = (DOCS / "api.md").read_text(encoding="utf-8")
    rows = set(re.findall(r"^\| `(\w+) (/\S+)` \| (\w+) \|", page, re.MULTILINE))
    assert rows == {(each.method, each.path, each.role.value) for each in ENDPOINTS}
    for key in KEYS:
        assert f"`{key}`" in page
