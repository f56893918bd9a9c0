"""The forms in which a run is reported."""

from conformance.reports import console, data, html, junit

__all__ = ["console", "data", "html", "junit"]
