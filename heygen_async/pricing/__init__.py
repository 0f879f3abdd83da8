"""Prices, estimates and the budget of runs. Nothing in this package does I/O, except
``PriceTable.load``."""
