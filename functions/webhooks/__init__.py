"""Queue: tells the webhooks of stores and suppliers of their orders. And the routes by which they are registered, for both."""
