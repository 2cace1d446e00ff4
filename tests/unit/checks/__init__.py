"""The invariant checker's rules, each on books that are right and on books in which one thing is wrong."""
