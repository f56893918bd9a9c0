"""The ezto user store and the state of user syncs: Tortoise models, migrations and queries.

Implements the storage ports of `scim`, on SQLite and on PostgreSQL.
"""
