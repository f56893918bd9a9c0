"""The tenant itself, and whoever signed in to it.

Sources: Microsoft Graph: "List organization" (what ``User.Read`` alone shows), "Get a user"
(``/me``).
"""

from __future__ import annotations

from typing import Any, Final

from azure_adapter.simulator.accounts import find_account
from azure_adapter.simulator.listing import find_live, render, selection
from azure_adapter.simulator.permissions import (
    ME_READERS,
    ORGANIZATION_GLIMPSERS,
    ORGANIZATION_READERS,
)
from azure_adapter.simulator.properties import DEFAULTS
from azure_adapter.simulator.replies import GraphError, GraphRequest, Reply, bad_request

_GLIMPSED: Final = frozenset({"id", "displayName", "verifiedDomains"})
_EMPTY: Final[dict[str, Any]] = {
    "deletedDateTime": None,
    "businessPhones": [],
    "city": None,
    "country": None,
    "countryLetterCode": "US",
    "createdDateTime": "2020-01-15T08:30:00Z",
    "defaultUsageLocation": None,
    "isMultipleDataLocationsForServicesEnabled": None,
    "marketingNotificationEmails": [],
    "onPremisesLastSyncDateTime": None,
    "onPremisesSyncEnabled": None,
    "partnerTenantType": None,
    "postalCode": None,
    "preferredLanguage": "en",
    "securityComplianceNotificationMails": [],
    "securityComplianceNotificationPhones": [],
    "state": None,
    "street": None,
    "technicalNotificationMails": [],
    "tenantType": "AAD",
    "assignedPlans": [],
    "privacyProfile": None,
    "provisionedPlans": [],
}


def list_organization(request: GraphRequest) -> Reply:
    """Answer ``GET /organization`` with the one tenant."""
    request.require(ORGANIZATION_GLIMPSERS)
    tenant = _tenant(request)
    if request.roles.isdisjoint(ORGANIZATION_READERS):
        tenant = {name: tenant[name] if name in _GLIMPSED else None for name in tenant}
    names = [name.strip() for name in request.params.get("$select", "").split(",") if name.strip()]
    unknown = [name for name in names if name not in tenant]
    if unknown:
        raise bad_request(
            "Parsing OData Select and Expand failed: Could not find a property named "
            f"'{unknown[0]}' on type 'microsoft.graph.organization'."
        )
    if names:
        tenant = {name: tenant[name] for name in names}
    selected = f"({','.join(names)})" if names else ""
    context = f"{request.base}/$metadata#organization{selected}"
    return Reply(200, {"@odata.context": context, "value": [tenant]})


def get_me(request: GraphRequest) -> Reply:
    """Answer ``GET /me``; 400 for an app on its own."""
    if request.object_id is None:
        raise bad_request("/me request is only valid with delegated authentication flow.")
    request.require(ME_READERS)
    names = selection(request, "user") or DEFAULTS["user"]
    context = {"@odata.context": f"{request.base}/$metadata#users/$entity"}
    account = find_account(request.directory, request.object_id)
    if account is None:
        raise GraphError(404, "Request_ResourceNotFound", "The signed-in user is gone.")
    if request.directory.find_user(request.object_id) is None:
        known = {
            "id": account.object_id,
            "displayName": account.name,
            "userPrincipalName": account.upn,
            "businessPhones": [],
        }
        return Reply(200, {**context, **{name: known.get(name) for name in names}})
    entry = find_live(request, "user", request.object_id)
    return Reply(200, {**context, **render(entry, names)})


def _tenant(request: GraphRequest) -> dict[str, Any]:
    directory = request.directory
    domain = {
        "capabilities": "Email, OfficeCommunicationsOnline",
        "isDefault": True,
        "isInitial": True,
        "name": directory.domain,
        "type": "Managed",
    }
    return {
        "id": directory.tenant_id,
        **_EMPTY,
        "displayName": directory.display_name,
        "directorySizeQuota": {"used": len(directory.objects), "total": 300_000},
        "verifiedDomains": [domain],
    }
