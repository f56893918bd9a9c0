"""Answers from stored rows: text is put between pieces of stored text."""

from collections.abc import Mapping
from typing import Any, NamedTuple, cast

import orjson
from scim2_models import Path, Reference, Resource, ResourceType

from scim.ezto import EZTO_USER_URN
from scim.fast.kept import Kept
from scim.fast.ports import StoredRow
from scim.fast.tags import covering_tag
from scim.fast.views import View
from scim.service import GatewayService

BESIDE = frozenset({"externalId", "groups", "members", EZTO_USER_URN})
"""JSON names of what stands beside stored documents."""

KEPT_HEADS = 256
KEPT_TEXTS = 4_096
LONGEST_SHARED = 1_000
"""Characters of a list of groups that is worth remembering."""


class Rendered(NamedTuple):
    """One resource as it is sent.

    Attributes:
        text: its JSON.
        location: its URL.
        tag: its ETag.
    """

    text: str
    location: str
    tag: str


class Located(NamedTuple):
    """Where a stored document holds a reference to another resource."""

    holder: str | None
    name: str
    sub: str | None


class Splicer:
    """Renders the stored rows of one resource type."""

    def __init__(
        self, service: GatewayService, resource_type: ResourceType, endpoints: Mapping[str, str]
    ) -> None:
        """Prepare everything that follows from the models.

        Args:
            service: whose answers these are.
            resource_type: the type.
            endpoints: the endpoint by the name of a resource type.
        """
        self._service = service
        self._endpoint = endpoints[str(resource_type.name)]
        self._endpoints = endpoints
        self.model = service.get_model(resource_type)
        declared = cast(Any, self.model)
        self._schemas = [str(declared.__schema__), *map(str, self.model.get_extension_models())]
        self._located = _located_references(self.model)
        self._marks = tuple({f'"{each.sub or each.name}":' for each in self._located})
        self._orders = {name: _order(declared, name) for name in ("groups", "members")}
        self._texts: Kept[tuple[str, str, str], str] = Kept(KEPT_TEXTS)
        self._heads: dict[tuple[str, bool], tuple[str, bool]] = {}

    def view(self, parameters: Any, *, listed: bool) -> View:
        """Return the view of a request's parameters."""
        return View(self.model, parameters, listed=listed, beside=BESIDE)

    def render(
        self, row: StoredRow, view: View, base_url: str, *, tagged: bool = False
    ) -> Rendered:
        """Return a resource as it is sent.

        Args:
            row: as it is stored.
            view: what is shown of it.
            base_url: the root of the endpoints, without a slash at its end.
            tagged: its ETag is wanted.
        """
        location = f"{base_url}/{self._endpoint}/{row.id}"
        spliced = self._spliced(row, view, base_url, location) if view.whole else None
        text, shown = spliced or self._cut(row, view, base_url, location)
        return Rendered(text, location, _tag(row, shown) if tagged else "")

    def _spliced(
        self, row: StoredRow, view: View, base_url: str, location: str
    ) -> tuple[str, list[str]] | None:
        """Return the answer made of text, and what its ETag covers besides the version.

        ``None``: the document has to be read.
        """
        document = row.document
        for mark in self._marks:
            if mark in document:
                return None
        meta = document.find('],"id":')
        end = document.find("}", meta)
        ezto = row.ezto if EZTO_USER_URN in view.shown else None
        head, known = self._head(document[: meta + 1], ezto is not None)
        if meta < 0 or not known:
            return None
        text = f'{head}{document[meta + 1 : end]},"location":{_json(location)}{document[end:-1]}'
        if row.external_id is not None and "externalId" in view.shown:
            text += f',"externalId":{_json(row.external_id)}'
        shown: list[str] = []
        for name, entries in (("groups", row.groups), ("members", row.members)):
            if entries and name in view.shown:
                listed = self._entries_text(name, entries, base_url)
                shown.append(listed)
                text += f',"{name}":{listed}'
        if ezto is not None:
            text += f',"{EZTO_USER_URN}":{ezto.text}'
            shown += ezto.syncs
        return text + "}", shown

    def _head(self, head: str, shows_ezto: bool) -> tuple[str, bool]:
        """Return the beginning of an answer, ``{"schemas":[…]``, and whether it is all known."""
        found = self._heads.get((head, shows_ezto))
        if found is None:
            stored = orjson.loads(head + "}")["schemas"]
            carried = {*stored, EZTO_USER_URN} if shows_ezto else {*stored} - {EZTO_USER_URN}
            known = set(stored) <= set(self._schemas)
            schemas = self._listed(stored, carried)
            found = _json({"schemas": schemas})[:-1], known
            if len(self._heads) < KEPT_HEADS:
                self._heads[head, shows_ezto] = found
        return found

    def _listed(self, stored: list[str], carried: set[str]) -> list[str]:
        """Return ``schemas``: the core schema, the extensions carried, then unknown ones."""
        first = [each for each in self._schemas if each == self._schemas[0] or each in carried]
        return first + [each for each in stored if each not in self._schemas]

    def _entries_text(self, name: str, entries: str, base_url: str) -> str:
        """Return the JSON of ``groups`` or ``members``; users share their groups."""
        key = (name, entries, base_url)
        found = self._texts.get(key)
        if found is None:
            found = _json(self._entries(name, entries, base_url))
            if len(entries) <= LONGEST_SHARED:
                self._texts.keep(key, found)
        return found

    def _entries(self, name: str, entries: str, base_url: str) -> list[dict[str, Any]]:
        """Return ``groups`` or ``members`` in the order of the model's attributes."""
        endpoints, order = self._endpoints, self._orders[name]
        label = "direct" if name == "groups" else None
        found = []
        for far, kind, display in orjson.loads(entries):
            values = {
                "value": far,
                "$ref": f"{base_url}/{endpoints[kind]}/{far}",
                "display": display,
                "type": label or kind,
            }
            found.append({key: values[key] for key in order if values[key] is not None})
        return found

    # -- documents that have to be read ----------------------------------------

    def _cut(
        self, row: StoredRow, view: View, base_url: str, location: str
    ) -> tuple[str, list[str]]:
        """Return the answer made of the document as JSON, and what its ETag covers besides."""
        document = orjson.loads(row.document)
        document["meta"]["location"] = location
        if row.external_id is not None:
            document["externalId"] = row.external_id
        for name, entries in (("groups", row.groups), ("members", row.members)):
            if entries and name in view.shown:
                document[name] = self._entries(name, entries, base_url)
        if row.ezto is not None:
            document[EZTO_USER_URN] = row.ezto.value
        self._locate(document, base_url)
        cut = view.cut(document)
        cut["schemas"] = self._listed(document["schemas"], {*cut})
        shown = [_json(cut[name]) for name in ("groups", "members") if cut.get(name)]
        sources = cut.get(EZTO_USER_URN, {}).get("syncedFrom", ())
        shown += [_json(each) for each in sources if each.get("type") == "user_sync"]
        return _json(cut), shown

    def _locate(self, document: dict[str, Any], base_url: str) -> None:
        """Turn references to resources of this server into URLs."""
        for holder, name, sub in self._located:
            owner = document if holder is None else document.get(holder)
            value = owner.get(name) if owner else None
            if owner is None or value is None:
                continue
            if sub is None:
                owner[name] = self._url(value, base_url)
                continue
            for entry in value if isinstance(value, list) else [value]:
                if sub in entry:
                    entry[sub] = self._url(entry[sub], base_url)

    def _url(self, reference: Any, base_url: str) -> Any:
        if isinstance(reference, list):
            return [self._url(each, base_url) for each in reference]
        return self._service.reference_location(base_url, reference)


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()


def _tag(row: StoredRow, shown: list[str]) -> str:
    version = f'W/"{row.version}"'
    return covering_tag(version, f"[{','.join(shown)}]".encode()) if shown else version


def _order(model: Any, name: str) -> list[str]:
    """Return the JSON names of the entries of an attribute, in the order of their model."""
    if name not in model.model_fields:
        return []
    entry = model.get_field_root_type(name)
    return [str(entry._scim_name(each)) for each in entry.model_fields]


def _located_references(model: type[Resource[Any]]) -> list[Located]:
    """Return the references to resources that a stored document can hold."""
    found = []
    for path in cast(Any, Path)[model].iter_paths(target_type=[Reference]):
        binding = path.resolve()
        target = cast(Any, binding).target_type
        kinds = set(target.__reference_types__)
        if binding is None or not kinds or kinds & {"external", "uri"}:
            continue
        name = str(cast(Any, binding.model)._scim_name(binding.field_name))
        if name in BESIDE:
            continue
        is_core = issubclass(model, binding.model)
        holder = None if is_core else str(cast(Any, binding.model).__schema__)
        sub = None
        if binding.sub_field_name is not None:
            entry = cast(Any, binding.field_type)
            sub = str(entry._scim_name(binding.sub_field_name))
        found.append(Located(holder, name, sub))
    return found
