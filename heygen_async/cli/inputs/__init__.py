"""What the user hands to a command: files of rows, lists of videos, local videos."""
