"""One-off commands: list, look up, make, wait, download and delete one thing."""
