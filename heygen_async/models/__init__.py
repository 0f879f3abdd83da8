"""Requests and answers of the HeyGen API, as msgspec Structs.

Requests are checked when they are created and raise InvalidRequest, which names the field. Answers
ignore unknown fields. The names are those of the API; the package exports them.
"""
