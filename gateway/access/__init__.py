"""Who may call: bearer tokens, OAuth access tokens, JWTs of configured issuers, and their limits.

:class:`gateway.access.control.AccessControl` puts it together for one process.
"""
