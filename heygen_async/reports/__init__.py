"""Charts and pages about runs, before, during and after them."""

from heygen_async.reports.sheet import preview

__all__ = ["preview"]
