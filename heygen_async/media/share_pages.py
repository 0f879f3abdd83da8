"""Recognize web pages that show a file, and advise how to get the file itself."""

from __future__ import annotations

from yarl import URL

_DOWNLOAD = "download the file and upload it with heygen.upload(), or use a direct link"
_VIDEO_FIX = f"HeyGen needs the file itself, but this site shows it on a page; {_DOWNLOAD}"

_VIDEO_SITES = frozenset(
    {
        *("youtube.com", "youtu.be", "vimeo.com", "loom.com", "wistia.com", "dailymotion.com"),
        *("tiktok.com", "instagram.com", "facebook.com", "fb.watch", "twitter.com", "x.com"),
        *("twitch.tv", "linkedin.com"),
    }
)
# Fixes by the domain of the page.
_FIXES = {
    "drive.google.com": (
        "this is a page of Google Drive; share the file with anyone who has the link and use "
        "https://drive.usercontent.google.com/download?id=FILE_ID&export=download&confirm=t"
    ),
    "docs.google.com": f"this is a page of Google Docs; {_DOWNLOAD}",
    "dropbox.com": "this is a page of Dropbox; replace dl=0 by dl=1 at the end of the link",
    "onedrive.live.com": f"this is a page of OneDrive; {_DOWNLOAD}",
    "1drv.ms": f"this is a page of OneDrive; {_DOWNLOAD}",
    "sharepoint.com": "this is a page of SharePoint; add &download=1 to the link, or upload it",
    "box.com": f"this is a page of Box; {_DOWNLOAD}",
    "icloud.com": f"this is a page of iCloud; {_DOWNLOAD}",
    "wetransfer.com": f"this is a page of WeTransfer; {_DOWNLOAD}",
    "we.tl": f"this is a page of WeTransfer; {_DOWNLOAD}",
    "frame.io": f"this is a page of Frame.io; {_DOWNLOAD}",
}


def fix_for_page(address: URL) -> str:
    """Return what to do if a URL leads to a web page instead of a media file."""
    labels = (address.host or "").lower().split(".")
    for start in range(len(labels) - 1):
        domain = ".".join(labels[start:])
        if domain in _VIDEO_SITES:
            return _VIDEO_FIX
        if domain in _FIXES:
            return _FIXES[domain]
    return f"this is a web page; {_DOWNLOAD}"
