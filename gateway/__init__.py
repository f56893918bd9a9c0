"""The composition root: settings, HTTP application, mail, command line."""
