"""Find out the length, size and type of media files before they are sent to HeyGen."""
