"""Reading an edit of a user sync from outside, its schedule included."""

from dataclasses import replace

from gateway.syncs.edits import EditProblems, SyncEdit
from gateway.syncs.fields import FieldsInvalid
from gateway.work.schedule import Schedule


def read_edit(value: object) -> SyncEdit:
    """Read an edit; the rest of its values is checked when it is laid over the user sync.

    Raises:
        EditProblems: it names what cannot be edited, or its schedule cannot be used.
    """
    edit = SyncEdit.from_json(value)
    if not edit.schedule:
        return edit
    try:
        return replace(edit, schedule=Schedule.from_json(edit.schedule).to_json())
    except FieldsInvalid as error:
        raise EditProblems(error.problems) from None
