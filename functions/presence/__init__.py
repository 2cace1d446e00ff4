"""The union's presence in the network: registration and heartbeat."""
