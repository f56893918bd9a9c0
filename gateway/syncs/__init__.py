"""User syncs as administrators handle them: starting, reviewing, deciding, editing, explaining."""
