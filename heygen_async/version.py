"""The version of the package; pyproject.toml reads it from here."""

__version__ = "0.2.0"

SPECIFICATION = "2026-09-07"
"""The date of HeyGen's public specification that the package follows."""
