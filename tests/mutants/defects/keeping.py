"""Defects in what is kept: objects, secrets, models and their aliases."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

STORES = (
    Mutant(
        name="an object can be read before it is whole",
        file="providers/local/store.py",
        before="            draft.replace(path)\n",
        after="            path.write_bytes(draft.read_bytes())\n",
        killers=("store::test_readers_see_the_old_content_or_the_new",),
    ),
    Mutant(
        name="create-if-absent overwrites",
        file="providers/local/store.py",
        before="            os.link(draft, path)  # fails",
        after="            draft.replace(path)  # fails",
        killers=("store::test_create_if_absent_is_kept_or_refused",),
    ),
    Mutant(
        name="create-if-absent looks first and writes then",
        file="providers/local/store.py",
        before="            os.link(draft, path)  # fails",
        after=(
            "            if path.exists():\n"
            "                raise FileExistsError(path)\n"
            "            draft.replace(path)  # fails"
        ),
        killers=("store::test_of_many_who_create_exactly_one_wins",),
    ),
    Mutant(
        name="removing what is gone fails",
        file="providers/local/store.py",
        before="path_of(uri).unlink(missing_ok=True)",
        after="path_of(uri).unlink()",
        killers=("store::test_remove_may_be_repeated",),
    ),
    Mutant(
        name="objects come in any order",
        file="providers/local/store.py",
        before="sorted(Path(name).as_posix() for name in found)",
        after="sorted((Path(name).as_posix() for name in found), reverse=True)",
        killers=("store::test_walk_yields_what_is_below_in_name_order",),
    ),
)

SECRETS = (
    Mutant(
        name="a secret is a plain text",
        file="providers/local/secret.py",
        before="            return SecretStr(os.environ[variable])",
        after="            return os.environ[variable]",
        killers=("secrets::test_a_value_is_in_no_repr",),
    ),
)

MODELS = (
    Mutant(
        name="an alias moves for whoever asks last",
        file="registries/ledger.py",
        before="if again or before != wish.replacing or before == wish.to:",
        after="if again or before == wish.to:",
        killers=("models::test_of_many_that_promote_at_once_exactly_one_wins",),
    ),
    Mutant(
        name="a move that was overtaken is not told",
        file="registries/mlflow_registry.py",
        before='        if (now.version if now else "") != replacing:\n'
        "            raise self._conflict(model.name, alias, replacing)\n",
        after='        if (now.version if now else "") != replacing:\n            return\n',
        killers=(
            "models::test_a_promotion_that_was_overtaken_is_a_conflict_that_names_the_winner",
        ),
    ),
    Mutant(
        name="a version that does not exist is promoted",
        file="registries/mlflow_registry.py",
        before="if self.find(model.name, model.version) is None:",
        after="if False:",
        killers=("models::test_an_unknown_version_cannot_be_promoted",),
    ),
    Mutant(
        name="a folder is registered whatever its digest",
        file="registries/mlflow_registry.py",
        before="    if (found := digest(folder)) != wanted:",
        after="    if (found := wanted) != wanted:",
        killers=("registering::test_a_folder_that_changed_after_training_is_refused",),
    ),
    Mutant(
        name="nobody looks for a version before making one",
        file="registries/mlflow_registry.py",
        before="        if known := self._with_token(draft.name, token):\n",
        after="        if known := []:\n",
        killers=("registering::test_a_replay_needs_no_folder_any_more",),
    ),
)
