"""Values in; pages, tables and pictures out."""
