"""Answers of the API: read in bounded memory, and decoded to Structs."""
