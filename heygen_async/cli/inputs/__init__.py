"""Input of commands: files of rows, lists of videos, local videos."""
