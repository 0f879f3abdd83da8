"""The receiver as an app: for aiohttp and for ASGI."""
