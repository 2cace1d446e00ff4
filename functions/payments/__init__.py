"""The financial service unit: payment requests by authenticated accounts, the bank's notices, and money sent back."""
