"""What every capability stands on: money, time, ids, errors, settings, storage, the write transaction, events."""
