"""Requests and answers of the HeyGen API, as msgspec Structs.

Requests are checked when they are made and raise InvalidRequest naming the field. Answers
ignore what they do not know. The names are those of the API; the package exports them.
"""
