"""The two hosts: routing, authentication, limits and control paths."""
