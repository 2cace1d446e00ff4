"""Double-entry accounts and transfers, payables, statements and payouts."""
