"""What a person should look at in a dub, and the notes of a chain about its dubs."""

from heygen_async.dubs.issues import Issue, IssueKind, dub_issues

__all__ = ["Issue", "IssueKind", "dub_issues"]
