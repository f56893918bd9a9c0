"""Why something that a person asked of a user sync is not done: typed, in sentences.

``SyncRefused`` is the root; each subclass is one reason, with a stable word for programs::

    SyncRefused
    ├── AlreadyRunning       running           another process runs the sync now
    ├── SyncPaused           paused            a person stopped it: resume it, or preview
    ├── NotPaused            not_paused        an undo wants the sync to be paused
    ├── NoSuchRun            no_such_run       this sync has no such run
    ├── NotReviewable        not_reviewable    the run is no preview that could be applied
    ├── PlanOutdated         outdated          the plan is no longer the one that was reviewed
    ├── NothingToDecide      nothing_to_decide none of these operations is held
    ├── NothingToUndo        nothing_to_undo   the run applied nothing that could be taken back
    ├── NoSuchObject         no_such_object    the directory has no such person or group
    └── NeedsPreview         needs_preview     such an edit has to be previewed first
"""


class SyncRefused(Exception):
    """A user sync does not do what it was asked to do.

    Attributes:
        code: stable word of the reason.
        message: what is refused, and why, in a sentence.
        advice: what to do.
    """

    code = "refused"

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(f"{message} {advice}".strip())
        self.message = message
        self.advice = advice


class AlreadyRunning(SyncRefused):
    """Another process runs this user sync now; wait for it, or look at its progress."""

    code = "running"


class SyncPaused(SyncRefused):
    """A person paused the sync; it is resumed first, or only previewed."""

    code = "paused"


class NotPaused(SyncRefused):
    """An undo is applied only to a paused sync: the next cycle would revert it."""

    code = "not_paused"


class NoSuchRun(SyncRefused):
    """The sync has no such run."""

    code = "no_such_run"


class NotReviewable(SyncRefused):
    """The run is no finished preview, so there is no reviewed plan to apply."""

    code = "not_reviewable"


class PlanOutdated(SyncRefused):
    """The configuration changed, or another run applied, since the plan was reviewed."""

    code = "outdated"


class NothingToDecide(SyncRefused):
    """None of the operations is held any more: they were decided or planned anew."""

    code = "nothing_to_decide"


class NothingToUndo(SyncRefused):
    """The run applied nothing that could be taken back."""

    code = "nothing_to_undo"


class NoSuchObject(SyncRefused):
    """The directory has no person or group by this identifier."""

    code = "no_such_object"


class NeedsPreview(SyncRefused):
    """The edit changes who is synced or how; it is previewed before it is saved."""

    code = "needs_preview"
