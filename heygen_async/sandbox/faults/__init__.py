"""What goes wrong: `Faults` is the plan, `Fault` one way to spoil an exchange."""

from .fault import Fault
from .plan import Faults

__all__ = ["Fault", "Faults"]
