"""Implementations of commands, one module each, called by ``app`` with options as arguments."""
