"""From a cart to a purchase in one atomic write, and back again."""
