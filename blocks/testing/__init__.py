"""What provider emulators and benches are built from. Never imported by tasks or flows."""
