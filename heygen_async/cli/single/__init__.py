"""One-off commands: list, look up, make, wait for, download and delete one object."""
