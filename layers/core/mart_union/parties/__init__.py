"""Routes that stores and suppliers have alike, each under its own prefix: the functions of both sides declare them."""
