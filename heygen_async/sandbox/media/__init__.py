"""The media that is served: made on demand, or uploaded."""
