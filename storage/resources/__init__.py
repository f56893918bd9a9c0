"""Users and groups: writing them with all that stands beside them, reading and finding them."""
