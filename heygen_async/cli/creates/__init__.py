"""Commands that make one thing: a video, a speech."""
