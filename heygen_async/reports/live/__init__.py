"""A live page about a run, on this machine."""

from heygen_async.reports.live.server import Action, ActionRefused, LiveReport

__all__ = ["Action", "ActionRefused", "LiveReport"]
