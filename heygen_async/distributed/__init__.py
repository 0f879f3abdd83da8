"""State shared by all processes of an account: job slots, deliveries of webhooks, and runs."""

from heygen_async.lazy_names import import_lazily

TYPE_CHECKING = False  # type checkers know the name
if TYPE_CHECKING or not import_lazily(__name__):  # each part requires its own extra
    from heygen_async.distributed.redis_delivery_log import RedisDeliveryLog as RedisDeliveryLog
    from heygen_async.distributed.redis_slots import RedisSlots as RedisSlots
    from heygen_async.distributed.runs.cluster import Cluster as Cluster
    from heygen_async.distributed.runs.cluster_run import ClusterOutcome as ClusterOutcome
    from heygen_async.distributed.runs.cluster_run import ClusterRun as ClusterRun
    from heygen_async.distributed.runs.cluster_run import ClusterStatus as ClusterStatus
    from heygen_async.distributed.runs.cluster_run import WorkerStatus as WorkerStatus
    from heygen_async.distributed.runs.engine import HeartbeatTimes as HeartbeatTimes
    from heygen_async.distributed.runs.worker import ClusterWorker as ClusterWorker
    from heygen_async.distributed.server import RedisServer as RedisServer
