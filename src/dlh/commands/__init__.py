"""What each command does: open what it names, call a library room, hand values to a report."""
