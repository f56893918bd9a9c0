"""Editing a user sync: what may be edited, what is wrong with it, and what it would change.

Scope, mapping, nesting and deletion policy decide about people who are synced already: an edit of
them is *decisive*, and previewed before it is saved. It stays a draft until then
(:meth:`EditedSync.draft`, kept with the preview run).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Final, Self

from azure_adapter.mapping import table_to_json
from azure_adapter.mapping.targets import Target
from azure_adapter.sync.config import SafeguardLimits
from gateway.connections import ConnectionProblem, NewConnection, config_of
from gateway.secrets import SecretBox
from gateway.signin.vault import KeptSecrets
from gateway.syncs import fields as reading
from gateway.syncs.fields import FieldProblem, FieldsInvalid
from gateway.syncs.remote import SECRETS, TargetEdit, is_oauth, read_target
from gateway.syncs.stored import COLUMNS, DEFAULTS, stored
from gateway.work.schedule import Schedule
from scim.provisioning.source import ObjectKind
from storage.access import EditedMeanwhile, NameTaken, UserSyncRecord, UserSyncs

DECISIVE: Final = frozenset({"scope", "mapping", "nested", "deletion_policy"})
"""What decides about people who are synced already."""

CHANGED: Final = "changed"
"""What the audit says of a secret."""


class EditProblems(ConnectionProblem):
    """An edit cannot be used.

    Attributes:
        problems: everything that is wrong, by field, so that a form can say it beside the field.
    """

    def __init__(self, problems: tuple[FieldProblem, ...]) -> None:
        super().__init__(" ".join(f"{each.message} {each.advice}".strip() for each in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class SyncEdit:
    """What a person wants a user sync to be; ``None`` leaves a thing as it is.

    Values are as they come from a form or the API, not yet checked. An empty object gives scope,
    mapping and schedule their default; an empty ``report_email`` sends reports to nobody.

    Attributes:
        name: what people call it, unique in the workspace.
        enrollment: the Enrollment Type; concerns new users only.
        unique_field: how an existing user is found the first time; never relinks anything.
        deletion_policy: what a deletion in Azure does to a user.
        report_email: who gets the sync reports.
        schedule: when it runs by itself.
        safeguard: some of ``percent``, ``at_least`` and ``enabled``.
        scope: who and what is provisioned.
        nested: what becomes of groups in groups.
        mapping: the attribute mapping table.
        target: the remote SCIM server that it feeds; an empty object is this gateway.
    """

    name: str | None = None
    enrollment: str | None = None
    unique_field: str | None = None
    deletion_policy: str | None = None
    report_email: str | None = None
    schedule: Mapping[str, Any] | None = None
    safeguard: Mapping[str, Any] | None = None
    scope: Mapping[str, Any] | None = None
    nested: str | None = None
    mapping: Mapping[str, Any] | None = None
    target: Mapping[str, Any] | None = field(default=None, repr=False)

    def given(self) -> dict[str, Any]:
        """Return what is to be changed, by field."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read an edit from the API, or from a draft.

        Raises:
            EditProblems: it is no object, or names something that cannot be edited.
        """
        known = [each.name for each in fields(cls)]
        if not isinstance(value, Mapping):
            raise EditProblems((FieldProblem("", "An edit is an object."),))
        unknown = [str(key)[:40] for key in value if key not in known]
        if unknown:
            hint = f"These can be: {', '.join(known)}."
            raise EditProblems(
                tuple(FieldProblem(one, f"{one!r} cannot be edited.", hint) for one in unknown)
            )
        return cls(**value)


@dataclass(frozen=True, slots=True)
class EditedSync:
    """A user sync as it would be after an edit.

    Attributes:
        edit: what was asked for.
        before: the record that was edited.
        record: the same as it would be.
        changes: old and new value by field, of what really differs; nothing secret.
        needs_read: source properties by kind that the present configuration does not read; the
            next run then reads all objects of that kind again.
        secret: the new secret of the remote target, "" when it stays what it is.
    """

    edit: SyncEdit
    before: UserSyncRecord
    record: UserSyncRecord
    changes: Mapping[str, Mapping[str, Any]]
    needs_read: Mapping[ObjectKind, tuple[str, ...]]
    secret: str = field(default="", repr=False)

    @property
    def decisive(self) -> bool:
        """Whether it decides about people who are synced already, so that a preview is needed."""
        return not DECISIVE.isdisjoint(self.changes)

    def draft(self) -> dict[str, Any]:
        """Return it as JSON values, to be kept until its preview is applied.

        A secret is left out: it does not wait, see :func:`apply_edit`.
        """
        edit = self.edit.given()
        if "target" in edit:
            edit["target"] = {k: v for k, v in edit["target"].items() if k not in SECRETS}
        return {"edit": edit, "config_version": self.before.config_version}


def apply_edit(
    record: UserSyncRecord, edit: SyncEdit, extensions: Iterable[Target] = ()
) -> EditedSync:
    """Return a user sync as it would be after an edit; nothing is saved.

    Args:
        record: the user sync.
        edit: what a person wants.
        extensions: custom attributes that the mapping may feed.

    Raises:
        EditProblems: with everything that is wrong with the edit, by field.
    """
    custom = tuple(extensions)
    values, problems = _read(record, edit, custom)
    target = values.pop("target", None)
    if isinstance(target, TargetEdit):
        values["target"] = dict(target.public)
        problems += _target_problems(record, edit, target)
    if problems:
        raise EditProblems(tuple(problems))
    old = stored(record, custom)
    changes = {
        name: {"old": old[name], "new": value}
        for name, value in values.items()
        if old[name] != value
    }
    edited = _with(record, {name: change["new"] for name, change in changes.items()})
    secret = target.secret if isinstance(target, TargetEdit) else ""
    if secret:
        changes["target_secret"] = {"old": CHANGED, "new": CHANGED}
    unread = _unread(record, edited, custom)
    return EditedSync(edit, record, edited, changes, unread, secret)


def first_edit(
    connection: NewConnection, options: SyncEdit, extensions: Iterable[Target] = ()
) -> EditedSync:
    """Return a user sync that is to be created with further options; nothing is saved.

    Raises:
        EditProblems: with everything that is wrong with the options, by field.
    """
    blank = UserSyncRecord(
        id="",
        workspace=0,
        name=connection.name,
        provider="azure_ad",
        enrollment=connection.enrollment.value,
        unique_field=connection.unique_field.value,
        deletion_policy=connection.deletion_policy.value,
        report_email=connection.report_email,
        settings=connection.settings(),
        sign_in={},
        secrets=None,
        state="",
        state_reason="",
        created_at=0,
    )
    return apply_edit(blank, options, extensions)


def draft_of(
    record: UserSyncRecord, draft: Mapping[str, Any], extensions: Iterable[Target] = ()
) -> EditedSync:
    """Return what a draft (:meth:`EditedSync.draft`) makes of a user sync.

    Args:
        record: the user sync as it is now.
        draft: what was kept with the preview.
        extensions: custom attributes that the mapping may feed.

    Raises:
        EditProblems: the user sync was edited since, so that the preview is no longer of it.
    """
    if draft.get("config_version") != record.config_version:
        problem = FieldProblem(
            "",
            f"The user sync {record.name!r} was edited since the preview.",
            "Preview the edit again.",
        )
        raise EditProblems((problem,))
    return apply_edit(record, SyncEdit.from_json(draft.get("edit")), extensions)


async def save_edit(
    syncs: UserSyncs, edited: EditedSync, *, actor: str, box: SecretBox
) -> UserSyncRecord:
    """Save an edit: one version more, with an entry of the audit, in one transaction.

    Args:
        syncs: where.
        edited: what :func:`apply_edit` returned.
        actor: who edits.
        box: encrypts the secret of a remote target.

    Returns:
        the user sync as it is now; the same when the edit changes nothing.

    Raises:
        EditProblems: its name is taken, or somebody else edited it meanwhile.
    """
    if not edited.changes:
        return edited.before
    values = {name: getattr(edited.record, name) for name in edited.changes if name in COLUMNS}
    if edited.record.settings != edited.before.settings:
        values["settings"] = edited.record.settings
    if edited.secret:
        kept = KeptSecrets.opened(edited.before.secrets, box)
        values["secrets"] = replace(kept, target_secret=edited.secret).sealed(box)
    try:
        return await syncs.edit(edited.before, values, actor=actor, changes=_told(edited.changes))
    except NameTaken as error:
        raise EditProblems((FieldProblem("name", str(error)),)) from None
    except EditedMeanwhile as error:
        raise EditProblems((FieldProblem("", str(error)),)) from None


def _told(changes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return changes as the audit tells them: of the mapping, the rows that differ."""
    told: dict[str, Any] = dict(changes)
    if "mapping" in told:
        old, new = told["mapping"]["old"], told["mapping"]["new"]
        told["mapping"] = {"old": _only_in(old, new), "new": _only_in(new, old)}
    return told


def _only_in(table: Any, other: Any) -> Any:
    """Return the rows of a table that another one does not have, by kind."""
    if not isinstance(table, Mapping) or not isinstance(other, Mapping):
        return table
    return {
        kind: [row for row in rows if row not in other.get(kind, ())]
        for kind, rows in table.items()
        if isinstance(rows, list)
    }


Reader = Callable[[UserSyncRecord, Any, Iterable[Target]], Any]

READERS: Final[Mapping[str, Reader]] = {
    "name": lambda _, value, __: reading.read_name(value),
    "enrollment": lambda _, value, __: reading.read_enrollment(value).value,
    "unique_field": lambda _, value, __: reading.read_unique_field(value).value,
    "deletion_policy": lambda _, value, __: reading.read_deletion_policy(value).value,
    "report_email": lambda _, value, __: reading.read_report_email(value),
    "schedule": lambda _, value, __: Schedule.from_json(value).to_json(),
    "safeguard": lambda record, value, __: _limits(record, value),
    "scope": lambda _, value, __: reading.read_scope(value).to_json(),
    "nested": lambda _, value, __: reading.read_nested(value).value,
    "mapping": lambda _, value, custom: table_to_json(reading.read_mapping(value, custom)),
    "target": lambda _, value, __: read_target(value),
}
"""How each field is read, into the form in which it is stored."""


def _limits(record: UserSyncRecord, value: Any) -> dict[str, Any]:
    """Read limits; those that are not given stay what they are."""
    try:
        present = reading.read_safeguard(stored(record)["safeguard"])
    except FieldsInvalid:
        present = SafeguardLimits()
    return reading.limits_to_json(reading.read_safeguard(value, present))


def _read(
    record: UserSyncRecord, edit: SyncEdit, extensions: tuple[Target, ...]
) -> tuple[dict[str, Any], list[FieldProblem]]:
    values: dict[str, Any] = {}
    problems: list[FieldProblem] = []
    for name, value in edit.given().items():
        try:
            values[name] = READERS[name](record, value, extensions)
        except FieldsInvalid as error:
            problems += error.problems
    return values, problems


def _target_problems(
    record: UserSyncRecord, edit: SyncEdit, target: TargetEdit
) -> list[FieldProblem]:
    """Say why a remote target cannot be what it is to be.

    Links name the resources of one server. They mean nothing at another one, so the server is
    chosen before the first run.
    """
    problems = []
    old = stored(record)["target"]
    if record.last_run is not None and old.get("base_url") != target.public.get("base_url"):
        problems.append(
            FieldProblem(
                "target.base_url",
                "This user sync has provisioned users already, and they are where they are.",
                "Create another user sync for another SCIM server.",
            )
        )
    same_kind = bool(old) and is_oauth(old) == is_oauth(target.public)
    if target.public and not target.secret and not same_kind:
        word = "client_secret" if is_oauth(target.public) else "token"
        problems.append(FieldProblem(f"target.{word}", "It is missing."))
    if record.last_run and target.secret and DECISIVE.intersection(edit.given()):
        problems.append(
            FieldProblem(
                "target",
                "A secret cannot wait for a preview.",
                "Save the target first, then edit scope, mapping, nesting or deletion policy.",
            )
        )
    return problems


def _with(record: UserSyncRecord, values: Mapping[str, Any]) -> UserSyncRecord:
    """Return a record with other values; a setting that is the default is not stored."""
    settings = dict(record.settings)
    for name, value in values.items():
        if name in COLUMNS:
            continue
        settings[name] = value
        if value == DEFAULTS[name]:
            del settings[name]
    columns = {name: value for name, value in values.items() if name in COLUMNS}
    version = record.config_version + bool(values)
    return replace(record, **columns, settings=settings, config_version=version)


def _unread(
    before: UserSyncRecord, after: UserSyncRecord, extensions: tuple[Target, ...]
) -> dict[ObjectKind, tuple[str, ...]]:
    """Return by kind what the edited configuration reads and the present one does not."""
    new = config_of(after, "", extensions)
    try:
        old = config_of(before, "", extensions)
    except ConnectionProblem:
        return {}
    unread = {
        kind: tuple(sorted(set(new.properties(kind)) - set(old.properties(kind))))
        for kind in (ObjectKind.user, ObjectKind.group)
    }
    return {kind: names for kind, names in unread.items() if names}
