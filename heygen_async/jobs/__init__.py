"""Jobs: handles on what HeyGen does asynchronously, and the one watcher that waits for them."""
