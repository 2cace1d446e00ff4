"""Customers, their recipients, sessions and views, carts, and memberships."""
