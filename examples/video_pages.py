"""The pages of `fastapi_app.py` and `aiohttp_app.py`: HTML in, HTML out, no web framework."""

import hashlib
import secrets
import textwrap
from collections.abc import Sequence
from html import escape

from heygen_async import (
    APIError,
    AvatarLook,
    BadRequest,
    HeyGenError,
    InvalidRequest,
    NotFound,
    RateLimited,
    Video,
)

STYLE = """
:root {
  color-scheme: light dark;
  --page: light-dark(#f3f4f8, #101218); --card: light-dark(#fff, #1a1d26);
  --text: light-dark(#1b1e28, #eceef4); --quiet: light-dark(#5b6172, #a4abbd);
  --line: light-dark(#d5d9e3, #343947); --field: light-dark(#fff, #12141b);
  --accent: light-dark(#4338ca, #a5b4fc); --on-accent: light-dark(#fff, #15172b);
  --bad: light-dark(#b42318, #ffa198); --bad-page: light-dark(#fef3f2, #35191a);
}
* { box-sizing: border-box; }
body {
  margin: 0; min-height: 100vh; padding: clamp(1rem, 6vh, 5rem) 1rem;
  background: var(--page); color: var(--text); font: 1rem/1.55 system-ui, sans-serif;
}
main {
  max-width: 38rem; margin: auto; padding: clamp(1.25rem, 5vw, 2.5rem);
  background: var(--card); border: 1px solid var(--line); border-radius: 1rem;
  box-shadow: 0 1rem 3rem rgb(20 22 40 / 8%);
}
h1 { margin: 0 0 .25rem; font-size: 1.6rem; line-height: 1.25; text-wrap: balance; }
p { margin: 0 0 1.25rem; color: var(--quiet); }
label { display: block; margin: 1.25rem 0 .4rem; font-weight: 600; }
textarea, select {
  width: 100%; padding: .7rem .8rem; font: inherit; color: inherit;
  background: var(--field); border: 1px solid var(--line); border-radius: .6rem;
}
textarea { min-height: 9rem; resize: vertical; }
[aria-invalid] { border-color: var(--bad); }
button, .button {
  display: inline-block; margin-top: 1.5rem; padding: .7rem 1.3rem; font: inherit;
  font-weight: 600; color: var(--on-accent); background: var(--accent); border: 0;
  border-radius: .6rem; text-decoration: none; cursor: pointer;
}
button:hover, .button:hover { filter: brightness(1.08); }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
[role=alert] {
  margin: 1.25rem 0 0; padding: .8rem 1rem; color: var(--bad); background: var(--bad-page);
  border: 1px solid; border-radius: .6rem; overflow-wrap: anywhere;
}
video {
  display: block; width: 100%; margin-top: 1.25rem; background: #000; border-radius: .6rem;
}
ol { display: flex; gap: .75rem; margin: 1.5rem 0 0; padding: 0; list-style: none; }
li {
  flex: 1; padding-top: .6rem; color: var(--quiet); font-size: .9rem;
  border-top: 4px solid var(--line); border-radius: 2px;
}
.past, [aria-current] { border-color: var(--accent); }
[aria-current] { color: var(--text); font-weight: 600; }
@media (prefers-reduced-motion: no-preference) {
  [aria-current] { animation: breathe 1.6s ease-in-out infinite alternate; }
  @keyframes breathe { to { border-color: var(--line); } }
}
"""

# The states arrive as HTML. An EventSource reconnects by itself.
LISTEN = """
const part = document.querySelector("[aria-live]");
const events = new EventSource(location.pathname + "/events");
events.onmessage = ({ data }) => {
  part.innerHTML = data;
  document.title = part.querySelector("h1").textContent;
  if (!part.querySelector("[aria-current]")) events.close();
};
"""

ICON = (
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E"
    "%3Crect width='16' height='16' rx='4' fill='%234338ca'/%3E"
    "%3Cpath d='M6 4.5v7l6-3.5z' fill='white'/%3E%3C/svg%3E"
)

ADVICE = {
    "script": "The script must have between 1 and 5,000 characters.",
    "avatar_id": "Please choose an avatar from the list.",
}


def form_page(
    looks: Sequence[AvatarLook],
    *,
    avatar_id: str = "",
    script: str = "",
    error: HeyGenError | None = None,
) -> str:
    """Return the page with the form, its values and the error."""
    options = "".join(
        f'<option value="{escape(look.id)}"{" selected" if look.id == avatar_id else ""}>'
        f"{escape(look.name)}</option>"
        for look in looks
    )
    problem, invalid = "", ""
    if error is not None:
        problem = f'<p role="alert" id="problem">{escape(message_of(error))}</p>'
    if isinstance(error, InvalidRequest | APIError) and error.param == "script":
        invalid = ' aria-invalid="true" aria-describedby="problem" autofocus'
    return _page(
        "Make a video",
        f"""<h1>Make a video</h1>
<p>Write what is to be said, and choose who says it.</p>
{problem}
<form method="post" action="/videos">
<input type="hidden" name="ticket" value="{secrets.token_hex(16)}">
<label for="script">Script</label>
<textarea id="script" name="script" maxlength="5000" required{invalid}>{escape(script)}</textarea>
<label for="avatar">Avatar</label>
<select id="avatar" name="avatar_id">{options}</select>
<button>Make the video</button>
</form>""",
    )


def key_of(ticket: str, *fields: str) -> str | None:
    """Return an Idempotency-Key: a form sent twice makes one video, an edited form another."""
    if not ticket:
        return None  # not from our form: a fresh key each time
    return hashlib.sha256("\0".join((ticket, *fields)).encode()).hexdigest()


def title_of(script: str) -> str:
    """Return the title of a video: the beginning of its script."""
    return textwrap.shorten(script, 60, placeholder=" …")


def video_page(video: Video) -> str:
    """Return the page of one video, which reloads itself until the video has ended."""
    state = video_state(video)
    live, refresh = "", ""
    if not has_ended(video):
        live = f"<script>{LISTEN}</script>"
        refresh = '<noscript><meta http-equiv="refresh" content="5"></noscript>'
    return _page("Your video", f'<div aria-live="polite">{state}</div>{live}', refresh)


def has_ended(video: Video) -> bool:
    """Return whether the page is final; the URL of a completed video can be a moment late."""
    return video.status == "failed" or (video.status == "completed" and bool(video.video_url))


def video_state(video: Video) -> str:
    """Return the state of a video as HTML."""
    title = f"<p>{escape(video.title)}</p>" if video.title else ""
    again = '<a class="button" href="/">Make another</a>'
    if video.status == "failed":
        why = escape(video.failure_message or video.failure_code or "HeyGen gives no reason.")
        return f'<h1>The video failed</h1>{title}<p role="alert">{why}</p>{again}'
    if has_ended(video):
        url, still = escape(video.video_url or ""), escape(video.thumbnail_url or "")
        return (
            f"<h1>Your video is ready</h1>{title}"
            f'<video controls playsinline preload="metadata" src="{url}" poster="{still}"></video>'
            f"{again}"
        )
    steps = ("Accepted", "Rendering", "Ready")
    now = 0 if video.status in ("waiting", "pending") else 1
    marks = [' class="past"'] * now + [' aria-current="step"', "", ""]
    items = "".join(f"<li{mark}>{step}</li>" for mark, step in zip(marks, steps, strict=False))
    return (
        f"<h1>Your video is on its way</h1>{title}<ol>{items}</ol>"
        '<p style="margin: 1.5rem 0 0">It takes a minute or two. This page updates by itself; '
        "you can leave and come back.</p>"
    )


def problem_page(error: HeyGenError) -> str:
    """Return the page for an error."""
    return _page(
        "Something went wrong",
        f'<h1>Something went wrong</h1><p role="alert">{escape(message_of(error))}</p>'
        '<a class="button" href="/">Back to the form</a>',
    )


def message_of(error: HeyGenError) -> str:
    """Return the error for the people who use the app; the log has the details."""
    if isinstance(error, InvalidRequest):
        return ADVICE.get(error.param or "", "Please check what you have filled in.")
    if isinstance(error, BadRequest | NotFound):
        return error.message
    if isinstance(error, RateLimited):
        return "We have too much to do right now. Please try again in a few minutes."
    return "The video service cannot be reached or does not accept this. Please try again later."


def status_of(error: HeyGenError) -> int:
    """Return the HTTP status for the error."""
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, InvalidRequest | BadRequest):
        return 400
    return 503 if isinstance(error, RateLimited) else 502


def _page(title: str, content: str, head: str = "") -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="{ICON}">
<style>{STYLE}</style>
{head}
</head>
<body><main>{content}</main></body>
</html>"""
