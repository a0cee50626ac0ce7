"""Policy over contracts: what each stage of a release does, without naming a provider."""
