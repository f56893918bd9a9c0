"""Values as they are stored: each once (RFC 7643 §2.4), and references that fit them."""

from functools import lru_cache
from typing import Any

from scim2_models import (
    BaseModel,
    EnterpriseUser,
    Mutability,
    Path,
    Reference,
    Resource,
    ScimPolicy,
)
from scim2_models.path import AttributeBinding


def fold_values(resource: Resource[Any], policy: ScimPolicy) -> None:
    """Fold the entries of each multi-valued attribute that have the same type and value.

    "The combination of type and value SHOULD occur once": the first keeps its place and takes on
    what the later ones say besides. Members are not looked at: they are a set of rows.
    """
    for holder, field_name, bindings in _places(type(resource)):
        owner = resource if holder is None else getattr(resource, holder)
        entries = getattr(owner, field_name) if owner is not None else None
        if entries is not None and len(entries) > 1:
            folded = _folded(entries, bindings, policy)
            if len(folded) < len(entries):
                setattr(owner, field_name, folded)


def point_at_manager(resource: Resource[Any]) -> None:
    """Make the ``$ref`` of a manager name the manager that ``value`` names (RFC 7643 §4.3).

    A PATCH may change the value alone; one that names the same id already is kept as it is.
    """
    enterprise = getattr(resource, EnterpriseUser.__name__, None)
    manager = enterprise.manager if enterprise is not None else None
    if manager is None or not manager.value:
        return
    if str(manager.ref or "").rpartition("/")[2] != manager.value:
        manager.ref = Reference(f"Users/{manager.value}")


Bindings = dict[str, AttributeBinding | None]


@lru_cache(maxsize=64)
def _places(model: type[Resource[Any]]) -> tuple[tuple[str | None, str, Bindings], ...]:
    """Return where a model has values to fold: extension field, field, and what identifies one."""
    found: list[tuple[str | None, str, Bindings]] = []
    holders: list[tuple[str | None, str, Any]] = [(None, "", model)]
    for urn, extension in model.get_extension_models().items():
        holders.append((extension.__name__, f"{urn}:", extension))
    for holder, prefix, owner in holders:
        for name in owner.model_fields:
            entry = owner.get_field_root_type(name)
            if name != "members" and _is_list_of_values(owner, name, entry):
                path = f"{prefix}{owner._scim_name(name)}"
                found.append((holder, name, _bindings(model, path, entry)))
    return tuple(found)


def _is_list_of_values(owner: Any, name: str, entry: Any) -> bool:
    return (
        owner.get_field_multiplicity(name)
        and owner.get_field_annotation(name, Mutability) is not Mutability.read_only
        and isinstance(entry, type)
        and issubclass(entry, BaseModel)
        and "value" in entry.model_fields
    )


def _bindings(model: type[Resource[Any]], path: str, entry: type[BaseModel]) -> Bindings:
    names = [name for name in ("type", "value") if name in entry.model_fields]
    typed: Any = Path.__class_getitem__(model)
    return {name: typed(f"{path}.{name}").resolve() for name in names}


def _folded(entries: list[Any], bindings: Bindings, policy: ScimPolicy) -> list[Any]:
    kept: dict[Any, Any] = {}
    for position, entry in enumerate(entries):
        key = _key(entry, bindings, policy, position)
        first = kept.setdefault(key, entry)
        if first is not entry:
            _merge(first, entry)
    return list(kept.values())


def _key(entry: Any, bindings: Bindings, policy: ScimPolicy, position: int) -> Any:
    """Return what tells an entry from the others; one without a value is like no other."""
    if entry.value is None:
        return position
    return tuple(
        _comparable(getattr(entry, name), binding, policy) for name, binding in bindings.items()
    )


def _comparable(value: Any, binding: AttributeBinding | None, policy: ScimPolicy) -> Any:
    if not isinstance(value, str) or binding is None:
        return value
    try:
        return binding.comparable(str(value), policy)
    except ValueError:
        return value


def _merge(first: Any, later: Any) -> None:
    for name in type(later).model_fields:
        value = getattr(later, name)
        if value is not None and name not in ("type", "value"):
            setattr(first, name, value)
