"""Attributes by name: the few places where this package asks scim2-models what a path means."""

from functools import lru_cache
from typing import Any, cast

from scim2_models import BaseModel, ScimFilter, SearchRequest
from scim2_models.path import AttributeBinding, AttrPath, Path
from scim2_models.path.resolution import _resolve_filter_path

AnyModel = type[BaseModel]


def bind(model: AnyModel, path: AttrPath, *, comparison: bool) -> AttributeBinding | None:
    """Return the attribute that a path of a filter names, or ``None`` when a model has none.

    A comparison with a multi-valued complex attribute means its ``value`` (RFC 7644 §3.4.2.2).
    Entries of a multi-valued attribute are models too, which ``ScimFilter.resolve`` does not
    take: hence the function beneath it.
    """
    return _resolve_filter_path(cast(Any, model), path, strict=False, for_comparison=comparison)


@lru_cache(maxsize=512)
def attribute(model: AnyModel, field_name: str, sub_field_name: str | None) -> AttributeBinding:
    """Return an attribute of a resource, an extension or an entry by its Python names."""
    declared = cast(Any, model)
    name = declared._scim_name(field_name)
    sub_name = None
    if sub_field_name is not None:
        sub_name = declared.get_field_root_type(field_name)._scim_name(sub_field_name)
    found = bind(model, AttrPath(name, sub_name), comparison=False)
    if found is None:
        raise LookupError(f"{model.__name__} has no {name}")
    return found


@lru_cache(maxsize=1_024)
def scim_name(model: AnyModel, field_name: str) -> str:
    """Return the name that a field has in JSON."""
    return str(cast(Any, model)._scim_name(field_name))


def bound_filter(search: SearchRequest[Any], model: AnyModel) -> ScimFilter[Any] | None:
    """Return the filter of a search, checked against one of the models it is about."""
    if search.filter is None:
        return None
    bound = cast(Any, ScimFilter)[model]
    return cast(ScimFilter[Any], bound(search.filter.ast))


__all__ = ["AnyModel", "AttrPath", "Path", "attribute", "bind", "bound_filter", "scim_name"]
