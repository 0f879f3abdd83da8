"""Decide whether an item of a run may be submitted now or has to wait."""
