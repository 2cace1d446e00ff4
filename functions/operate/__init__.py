"""The union operator's pages and API: who may trade, what was bought, what was paid, and whether the machine runs."""
