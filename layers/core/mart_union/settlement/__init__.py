"""Completion of lines, claiming of due payables, statements, payouts."""
