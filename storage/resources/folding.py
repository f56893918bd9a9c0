"""The folded form of a document, which filters and sorting compare (RFC 7643 §2.3)."""

import base64
import datetime
from collections.abc import Callable
from typing import Any, cast

from scim2_models import InvalidValueException, ScimPolicy, default_comparison_key
from scim2_models.path import AttributeBinding

from storage.filters.binding import AnyModel, attribute, scim_name
from storage.filters.values import Kind, kind_of, moment

Json = dict[str, Any]


Fold = Callable[[Any], Any]
"""Returns one JSON value, not a list, as it is compared."""


def fold_document(model: AnyModel, document: Json, policy: ScimPolicy) -> Json:
    """Return a document with every value in the form that the evaluator compares.

    Args:
        model: the model of the resource (or extension).
        document: its JSON.
        policy: how strings are prepared.

    Raises:
        InvalidValueException: the policy cannot prepare a string.
    """
    return _folded(_folds(model, None, policy), document)


def _folded(folds: dict[str, Fold], document: Json) -> Json:
    return {
        name: [fold(item) for item in value] if isinstance(value, list) else fold(value)
        for name, value in document.items()
        if value is not None and (fold := folds.get(name)) is not None
    }


_FOLDS: dict[tuple[AnyModel, tuple[AnyModel, str] | None], tuple[ScimPolicy, dict[str, Fold]]] = {}


def _folds(
    model: AnyModel, parent: tuple[AnyModel, str] | None, policy: ScimPolicy
) -> dict[str, Fold]:
    """Return how each attribute of a model is folded, by JSON name; made once for each model.

    Args:
        model: the model of a resource, an extension, or the entries of an attribute.
        parent: of entries: the model and the field that holds them.
        policy: how strings are prepared.
    """
    kept = _FOLDS.get((model, parent))
    if kept is None or kept[0] is not policy:
        folds = {
            scim_name(model, name): _fold(model, name, parent, policy)
            for name in model.model_fields
        }
        kept = _FOLDS[model, parent] = (policy, folds)
    return kept[1]


def _fold(
    model: AnyModel, field_name: str, parent: tuple[AnyModel, str] | None, policy: ScimPolicy
) -> Fold:
    target = cast(Any, model).get_field_root_type(field_name)
    kind = kind_of(_unwrapped(target))
    if kind is Kind.opaque:
        inner = None if "schemas" in target.model_fields else (model, field_name)
        return lambda item: _folded(_folds(target, inner, policy), item)
    binding = attribute(*parent, field_name) if parent else attribute(model, field_name, None)
    if kind is Kind.text and policy.comparison_key is default_comparison_key:
        plain: Fold = _as_it_is if binding.case_exact else str.lower
        return lambda item: (
            plain(item)
            if item.__class__ is str and item.isascii()
            else fold_value(kind, item, binding, policy)
        )
    return lambda item: fold_value(kind, item, binding, policy)


def _as_it_is(value: Any) -> Any:
    return value


def _unwrapped(target: Any) -> Any:
    """Return the class of an annotated type, such as ``bytes`` of ``Base64Bytes``."""
    return getattr(target, "__origin__", target) if hasattr(target, "__metadata__") else target


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
