"""The store of one user sync, put together from its rooms."""

from storage.sync.discards import Discards
from storage.sync.holds import Holds
from storage.sync.links import Links
from storage.sync.mirror import Mirror
from storage.sync.nesting import Nesting
from storage.sync.past import Past
from storage.sync.plans import Plans
from storage.sync.removal import Removal
from storage.sync.replans import Replans
from storage.sync.resolutions import Resolutions
from storage.sync.runs import Runs
from storage.sync.scope import Scoping
from storage.sync.shadow import Shadowing
from storage.sync.sweep import Sweeping
from storage.sync.tallies import Tallies


class SqlSyncStore(
    Runs,
    Sweeping,
    Mirror,
    Links,
    Scoping,
    Nesting,
    Resolutions,
    Plans,
    Tallies,
    Holds,
    Discards,
    Replans,
    Shadowing,
    Past,
    Removal,
):
    """Implements :class:`scim.provisioning.ports.SyncStore` on SQLite and on PostgreSQL.

    Every method is one short transaction, or takes part in the one that is open in the task
    (:meth:`unit_of_work`, or :meth:`storage.database.Database.transaction`). Reads outside of a
    transaction see what is committed.
    """
