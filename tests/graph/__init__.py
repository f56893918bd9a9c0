"""Tests of reading Microsoft Graph."""
