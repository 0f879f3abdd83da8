"""The contact sheet: a page that shows what a run will make, before anything is paid for."""

from heygen_async.reports.sheet.preview import preview

__all__ = ["preview"]
