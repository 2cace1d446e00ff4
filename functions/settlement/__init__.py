"""On a schedule: completes what is due, settles it, and reconciles the books once a day."""
