"""The pull adapter: reads an Azure directory from Microsoft Graph, writes SCIM operations."""
