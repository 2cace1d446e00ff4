"""Deployment: the templates, joining a union to the network, and the network on a laptop."""
