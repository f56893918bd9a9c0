"""Searching a remote SCIM server: pages, portions, and whether its filters can be believed.

Servers differ in what they filter by, and some answer a filter that they do not understand with
everything, or with nothing. Matching on such an answer would join the wrong person or create a
second one, so what is used is tried out first on a user that the server has.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from azure_adapter.remote.answers import Answer, id_of
from azure_adapter.remote.connection import Connection
from azure_adapter.remote.discovery import Capabilities
from azure_adapter.remote.errors import no_email_filter, no_filters
from azure_adapter.remote.filters import MOST_VALUES, any_of, portions
from scim.provisioning.keys import comparison_key

Document = dict[str, Any]

USERS: Final = "/Users"
GROUPS: Final = "/Groups"

SAMPLE: Final = 20
"""Users that a server is tried out with."""

MOST_PAGES: Final = 1_000

BY_USER_NAME: Final = "userName eq {}"
BY_EXTERNAL_ID: Final = "externalId eq {}"
BY_DISPLAY_NAME: Final = "displayName eq {}"
BY_ID: Final = "id eq {}"
BY_EMAIL: Final = (
    "emails.value eq {}",
    "emails[value eq {}]",
    'emails[type eq "work" and value eq {}]',
)
"""Ways to ask for an e-mail address, the widest first; which one a server knows is tried out."""


class FilterRefused(Exception):
    """The server does not take a filter.

    Attributes:
        answer: what it said.
    """

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.detail)
        self.answer = answer


class Search:
    """Searches one remote SCIM server.

    Args:
        connection: sends the requests.
        capabilities: what the server offers.
    """

    def __init__(self, connection: Connection, capabilities: Capabilities) -> None:
        self._connection = connection
        self._cursor_only = capabilities.cursor_only
        self._most = min(MOST_VALUES, capabilities.filter_results or MOST_VALUES)
        self._values_per_filter: int | None = None
        self._email_template = ""
        self._odd_values = 0

    # -- pages ---------------------------------------------------------------

    async def matches(self, endpoint: str, text: str, **params: str) -> list[Document]:
        """Return every resource that the server says a filter holds for.

        Args:
            endpoint: such as ``/Users``.
            text: the filter.
            params: further parameters, such as ``attributes``.

        Raises:
            FilterRefused: the server does not take the filter.
            RemoteTargetError: it does not answer.
        """
        asked = {"filter": text, **params, **({"cursor": ""} if self._cursor_only else {})}
        found: dict[str, Document] = {}
        for _ in range(MOST_PAGES):
            answer = await self._connection.get(endpoint, **asked)
            if not answer.ok or answer.body is None:
                raise await self._refusal(endpoint, answer)
            before = len(found)
            found.update((id_of(each), each) for each in resources(answer.body))
            following = _next_page(answer.body, len(found))
            if following is None or len(found) == before:
                break
            asked = {"filter": text, **params, **following}
        return list(found.values())

    async def _refusal(self, endpoint: str, answer: Answer) -> Exception:
        if answer.again:
            return await self._connection.must_read(answer, endpoint)
        return FilterRefused(answer)

    # -- portions ------------------------------------------------------------

    async def any_of(
        self, endpoint: str, template: str, values: Iterable[str], **params: str
    ) -> list[Document]:
        """Return what the server finds for any of the values; the caller looks whether it fits.

        Args:
            endpoint: such as ``/Users``.
            template: what one value is asked with, such as ``userName eq {}``.
            values: any number; they are asked for in portions, or one by one where the server
                does not take several.
            params: further parameters, such as ``attributes``.

        Raises:
            FilterRefused: the server does not take the filter even for one value. Where it was
                tried out, it is the value that is refused (400): nobody can have it.
            RemoteTargetError: it does not answer, or its filters cannot be believed.
        """
        wanted = list(dict.fromkeys(values))
        most = await self.values_per_filter() if wanted else 0
        if most == 0 and endpoint == USERS:
            return []
        found: dict[str, Document] = {}
        for portion in portions(template, wanted, max(most, 1)):
            for each in await self._portion(endpoint, template, portion, params):
                found[id_of(each)] = each
        return list(found.values())

    async def _portion(
        self, endpoint: str, template: str, values: Sequence[str], params: Mapping[str, str]
    ) -> list[Document]:
        """Search for some values at once; fewer at a time when that is refused."""
        try:
            return await self.matches(endpoint, any_of(template, values), **params)
        except FilterRefused as refused:
            if len(values) == 1:
                tried = template in (BY_USER_NAME, self._email_template)
                if not tried or refused.answer.status != 400:
                    raise
                self._odd_values += 1
                return []
        odd_values, half = self._odd_values, len(values) // 2
        found = await self._portion(endpoint, template, values[:half], params)
        found += await self._portion(endpoint, template, values[half:], params)
        if self._odd_values == odd_values:
            self._values_per_filter = min(self._values_per_filter or half, half)
        return found

    # -- trying out ----------------------------------------------------------

    async def values_per_filter(self) -> int:
        """Return how many values one filter may hold; 0 while the server has no users at all.

        Raises:
            RemoteUnsuitable: not even one user can be found by the userName.
        """
        if self._values_per_filter is None:
            sample = await self._sample()
            if not sample:
                return 0
            self._values_per_filter = await self._tried(sample[0])
        return self._values_per_filter

    async def email_template(self) -> str:
        """Return how users are asked for by e-mail address; "" while the server has no users.

        Raises:
            RemoteUnsuitable: the server cannot be asked that.
        """
        if not self._email_template:
            sample = await self._sample()
            known = [(user, one) for user in sample for one in matching_emails(user)]
            if not known:
                return await self._tried_emails(None, "nobody@example.com") if sample else ""
            self._email_template = await self._tried_emails(*known[0])
        return self._email_template

    async def _sample(self) -> list[Document]:
        """Return some users to try filters out with."""
        answer = await self._connection.get(USERS, count=str(SAMPLE), attributes="userName,emails")
        if not answer.ok or answer.body is None:
            raise await self._connection.must_read(answer, USERS)
        users = resources(answer.body)
        return [each for each in users if isinstance(each.get("userName"), str)][:SAMPLE]

    async def _tried(self, user: Document) -> int:
        """Ask for a user beside one that cannot exist, then alone."""
        name = user["userName"]
        for names in ([f"nobody-{uuid4().hex}", name], [name]):
            if await self._finds(user, any_of(BY_USER_NAME, names), name):
                return self._most if len(names) > 1 else 1
        raise no_filters(f"A filter userName eq … did not find the user {name!r} alone.")

    async def _finds(self, user: Document, text: str, name: str) -> bool:
        """Tell whether a filter finds the user, and nobody of another name."""
        try:
            found = await self.matches(USERS, text, attributes="userName")
        except FilterRefused:
            return False
        key = comparison_key(name)
        same = all(comparison_key(str(each.get("userName"))) == key for each in found)
        return same and id_of(user) in {id_of(each) for each in found}

    async def _tried_emails(self, user: Document | None, address: str) -> str:
        """Return the first way to ask that finds the user, or that is not refused."""
        for template in BY_EMAIL:
            try:
                found = await self.matches(USERS, any_of(template, [address]))
            except FilterRefused:
                continue
            if user is None or id_of(user) in {id_of(each) for each in found}:
                return template
        raise no_email_filter()


def resources(body: Mapping[str, Any]) -> list[Document]:
    """Return the resources of a list response that have an id (RFC 7644 §3.4.2)."""
    listed = body.get("Resources")
    if not isinstance(listed, list):
        return []
    return [each for each in listed if isinstance(each, dict) and id_of(each)]


def matching_emails(user: Mapping[str, Any]) -> list[str]:
    """Return the addresses that a user is matched by: work or primary, and nothing else."""
    emails = user.get("emails")
    listed = emails if isinstance(emails, list) else []
    return [
        each["value"]
        for each in listed
        if isinstance(each, dict) and isinstance(each.get("value"), str) and _counts(each)
    ]


def _counts(email: Mapping[str, Any]) -> bool:
    kind = email.get("type")
    return email.get("primary") is True or (isinstance(kind, str) and kind.lower() == "work")


def _next_page(body: Mapping[str, Any], have: int) -> dict[str, str] | None:
    """Return the parameters of the next page, or ``None`` on the last one."""
    cursor, total = body.get("nextCursor"), body.get("totalResults")
    if isinstance(cursor, str) and cursor:
        return {"cursor": cursor}
    if isinstance(total, int) and total > have:
        return {"startIndex": str(have + 1)}
    return None
