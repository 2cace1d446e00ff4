"""What is asked of the card processor later: captures, releases, refunds."""
