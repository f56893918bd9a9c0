"""The order in which the operations of a plan are applied.

Names are freed first, then users come and change, then what refers to them, and deletions come
last, except where one frees a name that a creation in the same cycle needs.
"""

FREE_NAMES = 0
USERS = 1
MANAGERS = 2
GROUPS = 3
REMOVE_MEMBERS = 4
ADD_MEMBERS = 5
INVITATIONS = 6
DELETE_USERS = 7
DELETE_GROUPS = 8
