"""Jobs: handles on HeyGen's asynchronous work, and the watcher that waits for all of them."""
