"""The suites: each tests one side of a server."""
