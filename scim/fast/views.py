"""What an answer shows of a document: ``attributes`` and ``excludedAttributes`` as a tree.

The tree is built from the models with the protocol engine's own rule for one attribute, once for
each combination of parameters, and then cuts plain JSON.
"""

from collections.abc import Iterator, Sequence
from inspect import isclass
from typing import Any, cast

from scim2_models import BaseModel, Resource, ResponseParameters, Returned
from scim2_models.base import _is_returned

Tree = dict[str, Any]
"""What is kept, by JSON name: ``True``, or the tree of a complex attribute or extension."""

NEVER_STORED = "password"


class View:
    """What answers to one pair of parameters show of one resource type.

    Attributes:
        tree: what is kept.
        shown: what is kept, at least in part, of what is not in the stored document.
        whole: the stored document is kept as it is, and what stands beside it whole or not at
            all; the answer can then be spliced as text.
    """

    def __init__(
        self,
        model: type[Resource[Any]],
        parameters: ResponseParameters[Any] | None,
        *,
        listed: bool,
        beside: frozenset[str],
    ) -> None:
        """Build a view.

        Args:
            model: that of the resource type.
            parameters: of the request.
            listed: the answer is a list, whose entries the protocol engine cuts once more without
                parameters.
            beside: JSON names of what is not in the stored document.
        """
        included = [str(each) for each in (parameters and parameters.attributes) or ()]
        excluded = [str(each) for each in (parameters and parameters.excluded_attributes) or ()]
        rules = [(included, excluded)] + ([([], [])] if listed else [])
        found = _tree(cast(Any, model), None, rules)
        self.tree: Tree = found if isinstance(found, dict) else _shallow(cast(Any, model))
        self.whole = all(
            self.tree.get(name) is True or (name in beside and name not in self.tree)
            for name in _names(cast(Any, model))
            if name != NEVER_STORED
        )

        self.shown = frozenset(name for name in beside if name in self.tree)

    def cut(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return what is kept of a document."""
        return _cut(document, self.tree)


Rules = Sequence[tuple[list[str], list[str]]]


def fields_of(model: Any, parent: str | None) -> Iterator[tuple[str, str, str]]:
    """Yield (field, JSON name, URN) of a model; ``parent`` is the URN of a complex attribute."""
    info = model.__scim_info__
    for field in model.model_fields:
        name = str(model._scim_name(field))
        if parent is not None:
            yield field, name, f"{parent}.{name}"
            continue
        urn = str(info.attribute_urns[field])
        yield field, (urn if field in info.extensions else name), urn


def _names(model: Any) -> list[str]:
    return [name for _, name, _ in fields_of(model, None)]


def _shallow(model: Any) -> Tree:
    return dict.fromkeys(_names(model), True)


def _tree(model: Any, parent: str | None, rules: Rules) -> Tree | bool:
    """Return what is kept of a model, ``True`` for all of it."""
    kept: Tree = {}
    whole = True
    for field, name, urn in fields_of(model, parent):
        node = name == "schemas" or _node(model, field, urn, rules)
        if node is not False:
            kept[name] = node
        whole = whole and node is True
    return True if whole else kept


def _node(model: Any, field: str, urn: str, rules: Rules) -> Tree | bool:
    returned = model.get_field_annotation(field, Returned)
    if not all(_is_returned(returned, urn, *each) for each in rules):
        return False
    inner = model.get_field_root_type(field)
    if not (isclass(inner) and issubclass(inner, BaseModel)):
        return True
    is_extension = field in model.__scim_info__.extensions
    return _tree(inner, None if is_extension else urn, rules)


def _cut(value: dict[str, Any], tree: Tree) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name, item in value.items():
        node = tree.get(name)
        if node is None:
            continue
        cut = item if node is True else _cut_value(item, node)
        if cut or not isinstance(cut, dict | list):
            kept[name] = cut
    return kept


def _cut_value(item: Any, tree: Tree) -> Any:
    if isinstance(item, list):
        return [cut for each in item if (cut := _cut(each, tree))]
    return _cut(item, tree)
