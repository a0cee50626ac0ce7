"""The rules of the house, checked from the code itself."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect.blocks.core import Block

from blocks import contracts, features, registry
from blocks.contracts import CONTRACTS, Contract
from flows.cli import bluewater

ROOT = Path(__file__).parents[2]
PACKAGES = ("blocks", "tasks", "flows")
MODULES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.stem
)
IMPLEMENTATIONS = [
    (name, contract)
    for name in registry.PROVIDERS
    for contract in CONTRACTS
    if contract.capability in registry.provider(name).capabilities
]


def name_of(module: Path) -> str:
    return str(module.relative_to(ROOT))


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {name_of(module): len(module.read_text().splitlines()) for module in MODULES}
    assert {name: lines for name, lines in lengths.items() if lines > 400} == {}


def test_imports_stand_at_the_top() -> None:
    """Laziness comes from the registry and from the command line's group, nowhere else."""
    inside = [
        f"{name_of(module)}:{node.lineno}"
        for module in MODULES
        for function in ast.walk(ast.parse(module.read_text()))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == []


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda cls: cls.__name__)
def test_no_contract_method_hides_one_of_prefects_blocks(contract: type[Contract]) -> None:
    ours = {name for name in vars(contract) if not name.startswith("_")}
    assert ours & {name for name in dir(Block) if not name.startswith("_")} == set()


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda cls: cls.__name__)
def test_public_methods_of_a_contract_are_final_and_documented(contract: type[Contract]) -> None:
    for name, method in vars(contract).items():
        if inspect.isfunction(method) and not name.startswith("_"):
            assert getattr(method, "__final__", False), name
            assert method.__doc__, name


@pytest.mark.parametrize(("provider", "contract"), IMPLEMENTATIONS)
def test_what_a_provider_lists_keeps_the_contract(provider: str, contract: type[Contract]) -> None:
    cls = registry.implementation(provider, contract)
    assert not inspect.isabstract(cls)
    assert issubclass(cls, Block)
    assert cls.provider == provider
    assert cls.get_block_type_slug() == f"{provider}-{contract.capability}"


def test_no_contract_is_forgotten() -> None:
    found = {
        cls
        for cls in vars(contracts).values()
        if inspect.isclass(cls) and issubclass(cls, Contract) and cls is not Contract
    }
    assert found == set(CONTRACTS)


def test_the_readme_shows_what_the_providers_offer() -> None:
    readme = (ROOT / "README.md").read_text()
    head = f"| provider | {' | '.join(contract.capability for contract in CONTRACTS)} |"
    assert head in readme, head
    for name in registry.PROVIDERS:
        offered = registry.provider(name).capabilities
        row = ["yes" if contract.capability in offered else "" for contract in CONTRACTS]
        assert f"| {' | '.join([name, *row])} |" in readme, name


def test_each_promise_of_the_readme_names_tests_that_are_there() -> None:
    readme = (ROOT / "README.md").read_text()
    [table] = re.findall(r"^\| promise \| test \|\n\|.*\n((?:\|.*\n)+)", readme, re.MULTILINE)
    for row in table.splitlines():
        named = re.findall(r"`(tests/[^`]+)`", row.rpartition(" | ")[2])
        assert named, row
        assert [each for each in named if not (ROOT / each).exists()] == []


def test_the_table_of_features_is_what_the_providers_declare() -> None:
    assert features.listed() == list(features.declared()), "run python -m blocks.features"


def test_every_capability_has_a_contract() -> None:
    listed = {
        name for entry in registry.PROVIDERS for name in registry.provider(entry).capabilities
    }
    assert listed <= {contract.capability for contract in CONTRACTS}


LIGHT = {
    "blocks.registry": ("prefect", "mlflow", "pandas"),
    "blocks.contracts": ("prefect", "mlflow", "pandas", "numpy"),
    "blocks.workload": ("prefect", "mlflow", "pydantic", "numpy", "fsspec"),
    "flows.cli": ("prefect", "mlflow", "pydantic", "numpy"),
}


@pytest.mark.parametrize("module", LIGHT)
def test_what_must_start_fast_imports_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded & set(LIGHT[module]) == set()


@pytest.mark.parametrize("name", bluewater.commands)
def test_help_of_a_command_imports_nothing_heavy(name: str) -> None:
    code = (
        "import sys; from flows.cli import bluewater; "
        f"bluewater.main([{name!r}, '--help'], standalone_mode=False); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("Usage:")
    loaded = {each.partition(".")[0] for each in done.stdout.split()}
    assert loaded & {"prefect", "mlflow", "pydantic", "numpy"} == set()


@pytest.mark.parametrize("words", [["providers"], ["providers", "--features"], ["doctor"]])
def test_what_tells_of_providers_imports_none_of_their_sdks(words: list[str]) -> None:
    code = (
        "import sys; from flows.cli import bluewater; "
        f"bluewater.main({[*words, '--json']!r}, standalone_mode=False); print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {each.partition(".")[0] for each in done.stdout.splitlines()[-1].split()}
    assert loaded & {"prefect", "mlflow", "boto3", "google", "azure", "databricks"} == set()


def imports_of(module: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def test_only_stages_know_prefect() -> None:
    """Engines can be used, and tested, without it."""
    knowing = [
        name_of(module)
        for module in (ROOT / "tasks").rglob("*.py")
        if module.name not in {"stage.py", "showing.py"}
        and "prefect" in {name.split(".")[0] for name in imports_of(module)}
    ]
    assert knowing == []


def test_a_task_run_is_named_by_what_it_does_and_not_by_the_id_of_its_run() -> None:
    """The pages show it beside its flow's run, where a long name covers the others."""
    stages = [*(ROOT / "tasks").glob("*/stage.py")]
    names = [
        name for stage in stages for name in re.findall(r'task_run_name="(.*?)"', stage.read_text())
    ]
    assert len(names) >= len(stages)
    assert [name for name in names if "{run}" in name] == []


def test_contracts_return_no_dict_and_take_no_keywords() -> None:
    for contract in CONTRACTS:
        for name, method in vars(contract).items():
            if inspect.isfunction(method) and not name.startswith("_"):
                signature = inspect.signature(method)
                returned = str(signature.return_annotation)
                assert not re.search(r"\bdict\b", returned), f"{contract} {name}"
                kinds = {parameter.kind for parameter in signature.parameters.values()}
                assert inspect.Parameter.VAR_KEYWORD not in kinds
