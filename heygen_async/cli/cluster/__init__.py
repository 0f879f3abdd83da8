"""The commands of runs on many machines."""
