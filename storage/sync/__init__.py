"""The durable state of a user sync: lease, runs, mirror of the source, links, plans.

:class:`storage.sync.store.SqlSyncStore` implements :class:`scim.provisioning.ports.SyncStore`. It
is put together from one class a room; each room's statements stand in its own module.
"""
