"""Rules leave alone what conforms to the RFCs, and mending is done once and for all."""

from hypothesis import given, settings
from scim2_server.requests import ScimRequest

from scim.dialects import mend
from tests.dialects.strategies import conforming, deviating


@settings(max_examples=500, deadline=None)
@given(conforming)
def test_what_conforms_passes_byte_for_byte(request: ScimRequest) -> None:
    assert mend(request) is request


@settings(max_examples=1000, deadline=None)
@given(deviating)
def test_mending_is_idempotent(request: ScimRequest) -> None:
    mended = mend(request)
    assert mend(mended) == mended
