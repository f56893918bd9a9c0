"""Tests of enrollment: invitations, the page behind their links, and their mails."""
