"""Prices, estimates and the budget of runs."""
