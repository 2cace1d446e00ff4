"""Orders and the procedures they move along, shipments, responses."""
