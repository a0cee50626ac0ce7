"""What exists against what should: found, priced, and taken away when somebody says so."""
