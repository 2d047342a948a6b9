"""Errors that a user can act on: what is wrong, where, and the remedy."""


class StudyError(RuntimeError):
    """A study cannot go on; the message says why and what to do.

    Launchers print it without a traceback and exit with code 2.
    """


class ConfigError(StudyError):
    """A config value is missing, unknown, of the wrong type or out of range."""
