"""HTTP: suppliers apply, keep their offers, work on their orders and see what they are owed; shops report their sales."""
