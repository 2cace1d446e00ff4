"""The unions of the network: admission, heartbeats, and the choice of a union for a shopper."""
