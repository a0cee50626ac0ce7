"""Gates beside what others do, on slices whose truth is known."""
