"""Queue: keeps links in step with offers and pools, shops with links, and suppliers' lists with orders."""
