"""What an operation costs, measured side by side with the bare calls it cannot do without: `make bench`."""
