"""What all processes of an account share: its job slots, and what webhooks have told."""

from heygen_async.lazy_names import import_lazily

TYPE_CHECKING = False  # type checkers know the name
if TYPE_CHECKING or not import_lazily(__name__):  # each part needs its own extra
    from heygen_async.distributed.redis_delivery_log import RedisDeliveryLog as RedisDeliveryLog
    from heygen_async.distributed.redis_slots import RedisSlots as RedisSlots
    from heygen_async.distributed.server import RedisServer as RedisServer
