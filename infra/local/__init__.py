"""The network on a laptop: the emulator, the edge before it, deployment and sample data."""
