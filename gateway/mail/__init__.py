"""Mails: what they say, and how they reach their recipient."""
