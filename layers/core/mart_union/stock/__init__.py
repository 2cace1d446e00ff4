"""Levels of stock, their journal and the reservations made on them."""
