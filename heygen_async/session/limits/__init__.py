"""How much is under way at once: requests, jobs, and pauses after a 429."""
