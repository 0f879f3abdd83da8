"""The two hosts: routing, authentication, limits, the control paths."""
