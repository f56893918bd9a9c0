"""Resources as rows: the canonical JSON document, its folded twin, and the columns beside them."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import orjson
from scim2_models import (
    Context,
    InvalidValueException,
    Resource,
    ResourceType,
    ScimPolicy,
    ScimProvider,
)

from scim.ezto import EztoUser
from storage.database import Row
from storage.filters.binding import attribute
from storage.filters.relations import TYPE_KEY_LIMIT
from storage.filters.scopes import SearchedType
from storage.filters.values import EPOCH
from storage.resources.folding import Json, fold_document
from storage.resources.limits import check_characters, check_text

BESIDE = {"id", "meta", "external_id", "members", "groups", "password", EztoUser.__name__}
"""Fields that the document's own JSON leaves out; ``id`` and ``meta`` are put in front of it."""

EmailKey = tuple[str, str | None, bool]


@dataclass(frozen=True, slots=True)
class Encoded:
    """A resource taken apart for its tables.

    Attributes:
        content: the JSON without ``id``, ``meta`` and what is kept elsewhere.
        search: the folded content, as JSON text.
        user_name_key: folded userName.
        display: displayName, which members and groups show.
        display_name_key: folded displayName.
        active: as the resource says.
        emails: folded address, folded type and primary of each address.
        external_id: as given, with its folded form.
        members: the ids of the members in order, each once.
        password: in clear text, to be hashed; an empty one takes the password away.
    """

    content: Json
    search: str
    user_name_key: str | None
    display: str | None
    display_name_key: str | None
    active: bool | None
    emails: tuple[EmailKey, ...]
    external_id: tuple[str, str] | None
    members: tuple[str, ...]
    password: str | None


class Codec:
    """Turns the resources of one type into rows and back."""

    def __init__(self, provider: ScimProvider, resource_type: ResourceType) -> None:
        self.model = cast(type[Resource[Any]], provider.model_for(resource_type))
        self.name = str(resource_type.name)
        self.endpoint = str(resource_type.endpoint).strip("/")
        self.policy: ScimPolicy = provider.policy
        self.has_members = "members" in self.model.model_fields
        self.has_groups = "groups" in self.model.model_fields
        self.has_ezto = EztoUser.__name__ in self.model.model_fields

    @property
    def searched(self) -> SearchedType:
        """The resource type as a search sees it."""
        return SearchedType(self.name, self.endpoint, self.model)

    def encode(self, resource: Resource[Any], *, blocked: bool = False) -> Encoded:
        """Take a resource apart.

        Args:
            resource: as the caller wants it.
            blocked: an administrator blocked the user, so ``active`` is False whatever it says.

        Raises:
            InvalidValueException: a value is too long, or holds characters that cannot be kept.
        """
        dumped = resource.model_dump(
            scim_ctx=Context.DEFAULT, exclude=BESIDE, scim_policy=self.policy
        )
        if blocked and "active" in self.model.model_fields:
            dumped["active"] = False
        return self.encode_content(
            dumped,
            external_id=resource.external_id,
            members=self._members(resource),
            password=getattr(resource, "password", None),
        )

    def encode_content(
        self,
        content: Json,
        *,
        external_id: str | None = None,
        members: tuple[str, ...] = (),
        password: str | None = None,
    ) -> Encoded:
        """Take a resource apart whose own JSON is there already.

        Args:
            content: the JSON without ``id``, ``meta`` and what is kept elsewhere; it is valid.
            external_id: what the caller calls it.
            members: ids of its members.
            password: in clear text.

        Raises:
            InvalidValueException: a value is too long, or holds characters that cannot be kept.
        """
        check_characters(content)
        if external_id is not None or password is not None or members:
            beside = {"externalId": external_id, "password": password, "members": list(members)}
            check_characters(beside)
        folded = fold_document(self.model, content, self.policy)
        self._check_lengths(content, folded, external_id)
        return Encoded(
            content=content,
            search=orjson.dumps(folded).decode(),
            user_name_key=folded.get("userName"),
            display=content.get("displayName") or None,
            display_name_key=folded.get("displayName"),
            active=folded.get("active"),
            emails=_email_keys(folded),
            external_id=self._external_id(external_id),
            members=members,
            password=password,
        )

    def _external_id(self, value: str | None) -> tuple[str, str] | None:
        if value is None:
            return None
        binding = attribute(self.model, "external_id", None)
        return value, cast(str, binding.comparable(value, self.policy))

    def _members(self, resource: Resource[Any]) -> tuple[str, ...]:
        entries = (getattr(resource, "members", None) or []) if self.has_members else []
        ids = [entry.value for entry in entries]
        if not all(ids):
            raise InvalidValueException(
                attribute="members", detail="Each of members needs the id of a resource as value."
            )
        return tuple(dict.fromkeys(ids))

    @staticmethod
    def _check_lengths(content: Json, folded: Json, external_id: str | None) -> None:
        for name in ("userName", "displayName"):
            check_text(name, content.get(name), folded.get(name))
        check_text("externalId", external_id, external_id)
        for entry, key in zip(content.get("emails", ()), folded.get("emails", ()), strict=True):
            check_text("emails.value", entry.get("value"), key.get("value"))

    def decode(self, row: Row, **beside: Any) -> Resource[Any]:
        """Build the resource of a row.

        Args:
            row: with its ``document``.
            beside: what the document leaves out, by JSON name; ``None`` is left out.
        """
        document = orjson.loads(row["document"])
        document.update({name: value for name, value in beside.items() if value is not None})
        return self.model.model_validate(document, scim_policy=self.policy)


def _email_keys(folded: Json) -> tuple[EmailKey, ...]:
    keys = []
    for entry in folded.get("emails", ()):
        if isinstance(entry, dict) and entry.get("value") is not None:
            kind = entry.get("type")
            kept = kind if kind is None or len(kind) <= TYPE_KEY_LIMIT else None
            keys.append((entry["value"], kept, bool(entry.get("primary"))))
    return tuple(keys)


def document_text(
    row_id: str, resource_type: str, content: Json, times: Sequence[int], version: int
) -> str:
    """Return the JSON text that is stored and served.

    Args:
        row_id: the id of the resource.
        resource_type: the name of its type.
        content: the rest of it.
        times: creation and last modification, in microseconds.
        version: its version number.
    """
    meta = {
        "resourceType": resource_type,
        "created": timestamp(times[0]),
        "lastModified": timestamp(times[1]),
        "version": version_tag(version),
    }
    schemas = content.get("schemas", [])
    rest = {name: value for name, value in content.items() if name != "schemas"}
    return orjson.dumps({"schemas": schemas, "id": row_id, "meta": meta, **rest}).decode()


def content_of(document: str) -> Json:
    """Return what a stored document holds besides ``id`` and ``meta``."""
    content = cast(Json, orjson.loads(document))
    del content["id"], content["meta"]
    return content


def same_content(old: Json, new: Json) -> bool:
    """Return whether two contents say the same (``schemas`` is a set, RFC 7643 §3)."""
    if {**old, "schemas": None} != {**new, "schemas": None}:
        return False
    return set(old.get("schemas", ())) == set(new.get("schemas", ()))


def timestamp(moment_us: int) -> str:
    """Return a moment as scim2-models writes it (RFC 7643 §2.3.5)."""
    moment = EPOCH + datetime.timedelta(microseconds=moment_us)
    return moment.isoformat().replace("+00:00", "Z")


def version_tag(version: int) -> str:
    """Return ``meta.version`` of a version number: a weak entity tag (RFC 7644 §3.14)."""
    return f'W/"{version}"'
