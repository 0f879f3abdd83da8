"""Small media files, written by hand at the speed of tests: flat colours and soft tones."""
