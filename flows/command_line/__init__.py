"""The commands of ``bluewater`` as they are typed: names, arguments, options, and help."""
