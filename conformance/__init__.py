"""A conformance kit that tests any SCIM 2.0 server, knowing only a URL and a token."""
