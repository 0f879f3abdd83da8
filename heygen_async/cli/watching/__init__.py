"""Follow a run from another terminal, or on a page."""
