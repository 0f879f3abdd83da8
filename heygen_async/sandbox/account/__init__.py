"""The account: its resources, and the rules between a request's fields."""
