"""What all processes of an account share: its job slots, and what webhooks have told."""

TYPE_CHECKING = False  # type checkers know the name
if TYPE_CHECKING:
    from heygen_async.distributed.redis_delivery_log import RedisDeliveryLog
    from heygen_async.distributed.redis_slots import RedisSlots
    from heygen_async.distributed.server import RedisServer

__all__ = ["RedisDeliveryLog", "RedisServer", "RedisSlots"]

_HOME_OF = {
    "RedisDeliveryLog": "redis_delivery_log",
    "RedisServer": "server",
    "RedisSlots": "redis_slots",
}


if not TYPE_CHECKING:  # each part needs its own extra

    def __getattr__(name: str) -> object:
        home = _HOME_OF.get(name)
        if home is None:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        import importlib

        return getattr(importlib.import_module(f"{__name__}.{home}"), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("_"))})
