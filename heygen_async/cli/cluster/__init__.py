"""Commands for runs on many machines."""
