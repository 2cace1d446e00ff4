"""Queue: tells the webhooks of stores and suppliers of their orders."""
