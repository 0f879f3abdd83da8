"""Fault injection: `Faults` is the plan, `Fault` a single fault of a request."""

from .fault import Fault
from .plan import Faults

__all__ = ["Fault", "Faults"]
