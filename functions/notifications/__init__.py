"""Mail to customers, stores and suppliers about what has happened."""
