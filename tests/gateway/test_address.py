"""Addresses of people: whatever a directory holds, only what every mail server takes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.mail.address import bare_address, mailbox


@pytest.mark.parametrize(
    ("given_", "taken"),
    [
        ("ann@example.com", "ann@example.com"),
        ("Ann.Lee+x@Example.COM", "Ann.Lee+x@Example.COM"),
        (" ann@example.com ", "ann@example.com"),
        ("o'hara@mail", "o'hara@mail"),
        ("ann@exämple.com", "ann@xn--exmple-cua.com"),
        ("ann@Exämple.com", "ann@xn--exmple-cua.com"),
    ],
)
def test_good_addresses(given_: str, taken: str) -> None:
    assert bare_address(given_) == taken


@pytest.mark.parametrize(
    "bad",
    [
        "", "ann", "@example.com", "ann@", "a b@example.com", "a@b, c@d.e", "<ann@example.com>",
        "Ann <ann@example.com>", "ann@example.com\r\nBcc: x@y.z", "ann@example.com\0", "a..b@x.y",
        '"a b"@x.y', "ann@[1.2.3.4]", "ann@-x.y", "ann@x..y", "ann@x.y.", "zoë@example.com",
        "a@straße.de", "x" * 65 + "@b.c", "a@" + "b" * 64 + ".c", "a@" + "b." * 130 + "c",
        "a@b@c.d", "ann@exa\u200dmple.com", "ann@example。com",
    ],
)  # fmt: skip
def test_bad_addresses(bad: str) -> None:
    with pytest.raises(ValueError, match=r"it has|what stands"):
        bare_address(bad)


@given(st.text(max_size=40) | st.emails())
def test_what_is_taken_is_one_address_in_one_line(text: str) -> None:
    try:
        address = bare_address(text)
    except ValueError:
        return
    assert address.isascii()
    assert address.isprintable()
    assert address.count("@") == 1
    assert not set(address) & set(' ,;:<>()[]\\"')
    assert mailbox(address).addr_spec == address


def test_a_sender_may_have_a_name_and_any_domain() -> None:
    assert str(mailbox("ezto <no-reply@exämple.com>")) == "ezto <no-reply@xn--exmple-cua.com>"
