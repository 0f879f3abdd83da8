"""Media that are drawn: frames with the words and pictures of a request, and an audible track."""
