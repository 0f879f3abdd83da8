"""What the account holds: resources, and the rules between a request's fields."""
