"""What this server serves and announces: schemas, resource types, capabilities, tolerance."""

import operator
from collections.abc import Iterable, Sequence
from functools import reduce
from pathlib import Path
from typing import Annotated, Any, cast

from scim2_models import (
    AuthenticationScheme,
    Bulk,
    ChangePassword,
    EnterpriseUser,
    ETag,
    Filter,
    Pagination,
    Patch,
    Required,
    Resource,
    ResourceType,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    User,
)

from scim.extensions import CustomExtension, load_extensions
from scim.ezto import EztoUser
from scim.groups import Group

MAX_RESULTS = 1_000
"""The largest page (``filter.maxResults``)."""

DEFAULT_PAGE_SIZE = 100
"""The page of a search that asks for no ``count``."""

CURSOR_TIMEOUT_S = 3_600
"""How long a cursor of RFC 9865 stays valid, in seconds."""

BULK_MAX_OPERATIONS = 1_000
BULK_MAX_PAYLOAD = 8 * 1024 * 1024
"""The largest Bulk request, in bytes."""

USER_MODEL = User[EnterpriseUser | EztoUser]
GROUP_MODEL = Group


def service_provider_config() -> ServiceProviderConfig:
    """Return the capabilities that ``/ServiceProviderConfig`` announces (RFC 7643 §5)."""
    return ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(
            supported=True,
            max_operations=BULK_MAX_OPERATIONS,
            max_payload_size=BULK_MAX_PAYLOAD,
        ),
        filter=Filter(supported=True, max_results=MAX_RESULTS),
        change_password=ChangePassword(supported=True),
        sort=Sort(supported=True),
        etag=ETag(supported=True),
        pagination=Pagination(
            cursor=True,
            index=True,
            default_pagination_method=Pagination.DefaultPaginationMethod.index,
            default_page_size=DEFAULT_PAGE_SIZE,
            max_page_size=MAX_RESULTS,
            cursor_timeout=CURSOR_TIMEOUT_S,
        ),
        authentication_schemes=[
            AuthenticationScheme(
                type=AuthenticationScheme.Type.oauthbearertoken,
                name="Bearer token",
                description="A token of a SCIM client, in the Authorization header (RFC 6750).",
                primary=True,
            )
        ],
    )


def build_provider(extension_files: Iterable[str | Path] = ()) -> ScimProvider:
    """Return the description of the service.

    The policy accepts what identity providers send against the letter of the RFCs where it
    cannot be mistaken for something else: attributes that no schema declares are dropped, a
    ``remove`` may name its values, and a filtered path may create the element it describes.

    Args:
        extension_files: extension schemas of the operator (:mod:`scim.extensions`).

    Raises:
        scim.extensions.ExtensionError: a file cannot be served; it says which one and why.
    """
    extended: dict[str, type[Resource[Any]]] = {"User": USER_MODEL, "Group": GROUP_MODEL}
    custom = load_extensions(extension_files, extended)
    return ScimProvider(
        models=[User, EnterpriseUser, EztoUser, Group, *(each.model for each in custom)],
        resource_types=[
            ResourceType.from_resource(_with_extensions(name, model, custom))
            for name, model in extended.items()
        ],
        config=service_provider_config(),
        policy=ScimPolicy(
            unknown=ScimPolicy.Unknown.ignore,
            remove_value_as_filter=ScimPolicy.RemoveValue.apply,
            unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
        ),
    )


def _with_extensions(
    name: str, model: type[Resource[Any]], custom: Sequence[CustomExtension]
) -> type[Resource[Any]]:
    """Return the model of a resource type with the extensions of the operator."""
    added = [each for each in custom if each.resource_type == name]
    if not added:
        return model
    parts: list[Any] = [*model.get_extension_models().values()]
    parts += [Annotated[e.model, Required.true] if e.required else e.model for e in added]
    bare = model.__bases__[0] if model.get_extension_models() else model
    return cast(Any, bare).__class_getitem__(reduce(operator.or_, parts))  # type: ignore[no-any-return]
