"""What every command that needs settings begins with."""

from typing import Any

from gateway.logs import configure_logging
from gateway.settings import Settings


def load_settings(*, quiet: bool = True, **overrides: Any) -> Settings:
    """Read the settings and set logging up.

    Args:
        quiet: log only warnings and errors, since the command tells the rest itself; the level
            ``debug`` still shows everything.
        overrides: what options of the command say; ``None`` leaves a setting as it is.

    Raises:
        SettingsError: a setting is wrong.
    """
    settings = Settings.load(**overrides)
    level = "warning" if quiet and settings.log_level == "info" else settings.log_level
    configure_logging(level, settings.log_format)
    return settings
