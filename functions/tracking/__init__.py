"""What a customer has bought: purchases, orders on their way, responses; and the carriers' reports."""
