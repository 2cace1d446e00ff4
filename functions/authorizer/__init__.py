"""Who calls: verifies the token and looks up the membership that the path needs."""
