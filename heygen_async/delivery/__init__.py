"""Deliver the results of a run: files to folders and buckets, notifications to receivers."""

from heygen_async.delivery.command import CommandHook
from heygen_async.delivery.hooks import DeliveryHook
from heygen_async.delivery.webhook import WebhookSender

__all__ = ["CommandHook", "DeliveryHook", "WebhookSender"]
