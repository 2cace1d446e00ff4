"""On the tables' streams: domain events for the union's bus, and the view of postings by account."""
