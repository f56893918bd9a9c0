"""The HTTP application: health, and the SCIM endpoints."""
