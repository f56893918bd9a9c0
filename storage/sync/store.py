"""The store of one user sync, put together from its rooms."""

from storage.sync.links import Links
from storage.sync.mirror import Mirror
from storage.sync.plans import Plans
from storage.sync.runs import Runs
from storage.sync.sweep import Sweeping
from storage.sync.tallies import Tallies


class SqlSyncStore(Runs, Sweeping, Mirror, Links, Plans, Tallies):
    """Implements :class:`scim.provisioning.ports.SyncStore` on SQLite and on PostgreSQL.

    Every method is one short transaction, or takes part in the one that is open in the task
    (:meth:`unit_of_work`, or :meth:`storage.database.Database.transaction`). Reads outside of a
    transaction see what is committed.
    """
