"""The provisioning sources that feed a resource, as rows: what ``syncedFrom`` shows."""

from functools import lru_cache

from storage.database import Dialect

_CLIENT = "JOIN scim_client c ON c.workspace_id = r.workspace_id AND c.id = "
_SYNC = "JOIN user_sync u ON u.workspace_id = r.workspace_id AND u.id = "


@lru_cache(maxsize=2)
def sources_sql(dialect: Dialect) -> str:
    """Return the SELECT of (row_id, place, kind, source_id, name), some of them twice.

    The sources of a resource are its authority, the user syncs that are linked to it, and the
    SCIM clients that gave it an externalId. The dashboard is none, nor is a source that is gone.
    """
    collation = ' COLLATE "default"' if dialect == "postgres" else ""
    return (
        "SELECT r.row_id, 0 AS place, 'scim_client' AS kind, c.id AS source_id, c.name "
        f"FROM resource r {_CLIENT} substr(r.authority, 13) "
        "WHERE r.authority LIKE 'scim_client:%' "
        "UNION ALL SELECT r.row_id, 0, 'user_sync', u.id, u.name "
        f"FROM resource r {_SYNC} substr(r.authority, 11) WHERE r.authority LIKE 'user_sync:%' "
        "UNION ALL SELECT r.row_id, 1, 'user_sync', u.id, u.name "
        "FROM resource r JOIN link l ON l.resource_id = r.id AND l.state = 'linked' "
        f"{_SYNC} l.sync_id "
        "UNION ALL SELECT r.row_id, 2, 'scim_client', c.id, c.name "
        "FROM resource r JOIN external_id x ON x.resource_id = r.row_id "
        f"{_CLIENT} substr(x.source{collation}, 13) WHERE x.source LIKE 'scim_client:%'"
    )
