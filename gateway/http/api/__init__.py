"""The JSON API under ``/api/v1``: everything the engine can do, described by its own routes."""
