"""Tests of the attribute mapping."""
