"""The events of docs/ledger.md, played: a function for each, by what they are about."""
