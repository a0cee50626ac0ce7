"""What every emulated cloud is made of: a clock, faults, containers, a record, levers, a process.

An emulator stands in for the cloud, never for its SDK. What a cloud's own wire, words and rules
are lies with its provider; nothing here knows of any.
"""
