"""Does anything leak, while releases, drift, reclaims and faults go on?"""
