"""The folded form of a document, which filters and sorting compare (RFC 7643 §2.3)."""

import base64
import datetime
from typing import Any, cast

from scim2_models import InvalidValueException, ScimPolicy
from scim2_models.path import AttributeBinding

from storage.filters.binding import AnyModel, attribute, scim_name
from storage.filters.values import Kind, kind_of, moment

Json = dict[str, Any]


def fold_document(model: AnyModel, document: Json, policy: ScimPolicy) -> Json:
    """Return a document with every value in the form that the evaluator compares.

    Args:
        model: the model of the resource (or extension).
        document: its JSON.
        policy: how strings are prepared.

    Raises:
        InvalidValueException: the policy cannot prepare a string.
    """
    return _fold_object(model, document, None, policy)


def _fold_object(
    model: AnyModel, document: Json, parent: tuple[AnyModel, str] | None, policy: ScimPolicy
) -> Json:
    folded: Json = {}
    for field_name in model.model_fields:
        name = scim_name(model, field_name)
        value = document.get(name)
        if value is not None:
            folded[name] = _fold_field(model, field_name, value, parent, policy)
    return folded


def _fold_field(
    model: AnyModel,
    field_name: str,
    value: Any,
    parent: tuple[AnyModel, str] | None,
    policy: ScimPolicy,
) -> Any:
    target = cast(Any, model).get_field_root_type(field_name)
    kind = kind_of(_unwrapped(target))
    if kind is Kind.opaque:
        inner = None if "schemas" in target.model_fields else (model, field_name)
        return _each(value, lambda item: _fold_object(target, item, inner, policy))
    binding = attribute(*parent, field_name) if parent else attribute(model, field_name, None)
    return _each(value, lambda item: fold_value(kind, item, binding, policy))


def _unwrapped(target: Any) -> Any:
    """Return the class of an annotated type, such as ``bytes`` of ``Base64Bytes``."""
    return getattr(target, "__origin__", target) if hasattr(target, "__metadata__") else target


def _each(value: Any, fold: Any) -> Any:
    return [fold(item) for item in value] if isinstance(value, list) else fold(value)


def fold_value(kind: Kind, value: Any, binding: AttributeBinding, policy: ScimPolicy) -> Any:
    """Return one JSON value as it is compared.

    Raises:
        InvalidValueException: the policy cannot prepare the string.
    """
    if kind is Kind.moment:
        return moment(datetime.datetime.fromisoformat(value))
    if kind is Kind.binary:
        return base64.b64encode(base64.b64decode(value)).decode()
    try:
        return binding.comparable(value, policy)
    except ValueError:
        raise InvalidValueException(
            attribute=binding.urn, detail=f"The value of {binding.urn} cannot be prepared."
        ) from None
