"""The commands: one module each, called by ``app`` with its options as arguments."""
