"""``bluewater up``: start everything that a machine needs to run deployments by itself."""

from __future__ import annotations

from pathlib import Path

from deployments.deploy import POOL, deploy, ensure_automations, ensure_platform
from deployments.pools import ensure_pool
from deployments.webhooks import ensure_webhook
from flows.exits import Exit
from flows.session import services
from flows.terminal import console, exits, show
from tasks.specification.loading import load

SERVICES = ("prefect", "mlflow", "worker", "receiver")


@exits()
def run(
    *,
    specifications: tuple[Path, ...],
    cron: str | None,
    topics: tuple[str, ...],
    push: tuple[str, str] | None,
    secret_alone: bool,
    as_json: bool,
) -> Exit:
    """Start server, worker, receiver and MLflow; deploy SPECIFICATIONS; say where to look.

    What runs already is left as it is; what has died is started again. `down` stops it all. Which
    proofs of clouds the receiver believes is kept until others are named, or ``secret_alone``.
    """
    specs = [load(file) for file in specifications]
    machine = services()
    ensure_pool(POOL)
    ensure_platform("this-machine")
    ensure_automations()
    made = [each for spec in specs for each in deploy(spec, cron=cron)]
    machine.receiver_file()
    if topics or push or secret_alone:
        machine.set_receiver_options(_options(topics, push))
    machine.start(*SERVICES)
    login, secret = str(machine.login_file()), str(machine.receiver_file())
    told = {"prefect": login, "mlflow": login, "receiver": secret, "worker": ""}
    rows = [
        {"service": name, "url": machine.wait(name).url, "secret in": told[name]}
        for name in SERVICES
    ]
    urls = {row["service"]: row["url"] for row in rows}
    ensure_webhook(
        urls["mlflow"],
        urls["receiver"],
        login=machine.login_file().read_text(),
        secret=machine.receiver_file().read_text(),
    )
    show(rows, title="Up", as_json=as_json)
    if made and not as_json:
        rows_made = [{"deployment": each.name, "when it runs": each.when} for each in made]
        show(rows_made, title="Deployments", as_json=False)
    if not as_json:
        if believed := " ".join(machine.receiver_options()):
            said = f"The receiver believes, besides its secret: {believed}"
            console.print(said, highlight=False, markup=False, soft_wrap=True)
        where = f"Look at [bold]{rows[0]['url']}[/]; the password is the line in {login}"
        console.print(where, highlight=False, soft_wrap=True)
    return Exit.OK


def _options(topics: tuple[str, ...], push: tuple[str, str] | None) -> list[str]:
    """Return what the receiver is to be told on its command line."""
    named = [word for topic in topics for word in ("--topic", topic)]
    return [*named, *(("--push", *push) if push else ())]
