"""The table of rules: what identity providers send, where that is known from, what it means.

Rules of one place are applied in the order of the table. What the protocol engine accepts by
itself is not in it: ``op`` in any case, a body without ``schemas`` or with an extension that is
not listed, dotted and URN keys in a value without path, an element that a filtered path creates,
``startIndex=0``, fractions of a second beyond microseconds.
"""

from scim.dialects import operations, queries, resources, values
from scim.dialects.catalogue import ENTERPRISE, USER, Attribute
from scim.dialects.rules import PATCH, RESOURCE, Place, Rule

_ENTERPRISE_NAMES = tuple(name.encode() for name in USER.extensions[ENTERPRISE.lower()])
_NOTHING = (b"null", b'""')


def _manager(attribute: Attribute) -> bool:
    return attribute.name == "manager" and attribute.extension == ENTERPRISE


def _elements(attribute: Attribute) -> bool:
    return attribute.multi and "value" in attribute.subs


RULES: tuple[Rule, ...] = (
    # -- searches ------------------------------------------------------------
    Rule(
        name="empty search parameter",
        source="scimgateway reads /Users/ID?attributes= (github.com/jelhub/scimgateway)",
        place=Place.query,
        mend=queries.without_empty,
    ),
    Rule(
        name="enterprise attribute without its URN in a search",
        source="Entra ID asks for id eq U and manager eq M (Microsoft Learn, use-scim-to-provision-"
        "users-and-groups: reference attributes)",
        place=Place.query,
        mend=queries.qualified,
    ),
    # -- schemas and root of a resource ---------------------------------------
    Rule(
        name="schema URNs of SCIM 1.1 and of drafts",
        source="OneLogin, in PUT (goauthentik/authentik#11249)",
        place=Place.resource,
        mend=resources.current_urns,
        bodies=RESOURCE,
        marks=(b"urn:scim:schemas:", b'core:2.0"'),
    ),
    Rule(
        name="Microsoft's schema URN of a group",
        source="Entra ID, in POST /Groups (Microsoft Learn, use-scim-to-provision-users-and-groups:"
        " create group)",
        place=Place.resource,
        mend=resources.without_foreign_urns,
        bodies=RESOURCE,
        marks=(b"adscim/",),
    ),
    Rule(
        name="schemas null",
        source="scimgateway sends nulls for what it has no value for",
        place=Place.resource,
        mend=resources.without_null_schemas,
        bodies=RESOURCE,
        marks=(b"null",),
    ),
    Rule(
        name="enterprise attribute at the root of a resource",
        source='Entra ID sends "department" and "manager" there, null or not (Microsoft Learn, '
        "customize-application-attributes: custom mappings without URN)",
        place=Place.resource,
        mend=resources.root_of_extension,
        bodies=RESOURCE,
        marks=_ENTERPRISE_NAMES,
    ),
    # -- PATCH operations as they were sent -----------------------------------
    Rule(
        name="enterprise attribute without its URN in a path",
        source='Entra ID: {"op":"Add","path":"manager","value":[…]} (Microsoft Learn, '
        "use-scim-to-provision-users-and-groups: update user)",
        place=Place.operation,
        mend=operations.extension_path,
        bodies=PATCH,
        marks=_ENTERPRISE_NAMES,
    ),
    Rule(
        name="enterprise attribute at the root of a value without path",
        source="Entra ID with aadOptscim062020, custom mappings without URN (Microsoft Learn, "
        "application-provisioning-config-problem-scim-compatibility)",
        place=Place.operation,
        mend=operations.extension_keys,
        bodies=PATCH,
        marks=_ENTERPRISE_NAMES,
    ),
    Rule(
        name="removal with a value whose path says what to remove",
        source='Entra ID: {"op":"Remove","path":"emails[type eq \\"work\\"].value","value":"…"} '
        "(AzureAD/SCIMReferenceCode#87)",
        place=Place.operation,
        mend=operations.removal_by_path,
        bodies=PATCH,
        marks=(b"remove",),
    ),
    Rule(
        name="single value in an array",
        source='Entra ID writes single values as [{"$ref":null,"value":"…"}] '
        "(AzureAD/SCIMReferenceCode: PatchRequest2)",
        place=Place.operation,
        mend=operations.only_item,
        bodies=PATCH,
    ),
    Rule(
        name="string written to a selected element",
        source='Entra ID and its imitators mean emails[type eq "work"].value '
        "(zitadel/zitadel#9690)",
        place=Place.operation,
        mend=operations.element_value_path,
        bodies=PATCH,
    ),
    Rule(
        name="read-only attributes in a representation",
        source="authentik and Okta write the whole group, with id and schemas, in a value without "
        "path (authentik providers/scim; Okta SCIM 2.0 reference: update group)",
        place=Place.operation,
        mend=operations.representation,
        bodies=PATCH,
        marks=(b'"meta"', b'"groups"'),
    ),
    # -- values ---------------------------------------------------------------
    Rule(
        name="manager as an id, in an array, or empty",
        source="Entra ID sends the manager's id alone, an empty one to remove it "
        "(Captain-P-Goldfish/SCIM-SDK#686, pingidentity directory-scimple#1242), or in an array",
        place=Place.value,
        mend=values.manager_reference,
        about=_manager,
        marks=(b"manager",),
    ),
    Rule(
        name="boolean as a string",
        source="Entra ID without aadOptscim062020 (Microsoft Learn, "
        "application-provisioning-config-problem-scim-compatibility)",
        place=Place.value,
        mend=values.boolean_of_string,
        about=lambda attribute: attribute.boolean,
        marks=(b'"true"', b'"false"'),
    ),
    Rule(
        name="empty string for an attribute that cannot hold one",
        source="Entra ID and scimgateway send empty strings for empty attributes (Microsoft Learn, "
        "customize-application-attributes)",
        place=Place.value,
        mend=values.absent_if_empty,
        about=lambda attribute: not attribute.holds_empty and not attribute.multi,
        marks=(b'""',),
    ),
    Rule(
        name="string for an element",
        source='group members and roles as plain strings: {"op":"add","path":"members",'
        '"value":"ID"} (AzureAD/SCIMReferenceCode: OperationValue)',
        place=Place.value,
        mend=values.elements,
        about=_elements,
        bodies=PATCH,
    ),
    Rule(
        name="elements that hold nothing",
        source="Entra ID and scimgateway send nulls for empty attributes (Microsoft Learn, "
        "customize-application-attributes)",
        place=Place.value,
        mend=values.without_empty_elements,
        about=lambda attribute: _elements(attribute) and attribute.name != "members",
        marks=_NOTHING,
    ),
    # -- PATCH operations once their value is mended --------------------------
    Rule(
        name="writing nothing",
        source='Entra ID removes a manager by "value":"" (Captain-P-Goldfish/SCIM-SDK#686); '
        "scimgateway sends nulls",
        place=Place.written,
        mend=operations.nothing_to_write,
        bodies=PATCH,
        marks=(*_NOTHING, b"manager"),
    ),
    Rule(
        name="removal of members by more than their id",
        source='Entra ID: "value":[{"$ref":null,"value":"ID"}]; others send a display that is out '
        "of date (Microsoft Learn, use-scim-to-provision-users-and-groups: update group)",
        place=Place.written,
        mend=operations.members_by_id,
        bodies=PATCH,
        marks=(b"remove",),
    ),
    Rule(
        name="removal of the value of an element",
        source="Entra ID means the element (AzureAD/SCIMReferenceCode: ProtocolExtensions drops an "
        "address whose value is empty); by RFC 7644 §3.5.2.2 its type would stay",
        place=Place.written,
        mend=operations.whole_element,
        bodies=PATCH,
        marks=(b"remove", *_NOTHING),
        profiles=frozenset({"entra"}),
    ),
)
