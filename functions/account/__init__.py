"""Customers' accounts: signing in, the profile, recipients, money, views, enterprises and invitations."""
