"""On the stock table's stream: the journal, and word of levels that run low, run out or are back."""
