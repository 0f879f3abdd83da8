"""Requests and answers of the HeyGen API."""
