"""A hypothesis state machine that trades in random order, with faults, and checks every invariant after each step."""
