"""The media files: generated on demand, or uploaded."""
