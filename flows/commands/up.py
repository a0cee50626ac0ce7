"""``bluewater up``: start the pages of this machine."""

from __future__ import annotations

from flows.exits import Exit
from flows.session import services
from flows.terminal import exits, show


@exits()
def run(*, as_json: bool) -> Exit:
    """Start the Prefect and MLflow pages of this machine, on loopback; `down` stops them."""
    pages = services()
    names = pages.start("prefect", "mlflow")
    login = str(pages.login_file())
    rows = [
        {"page": name, "url": pages.wait(name).url, "user:password in": login}
        for name in sorted(names)
    ]
    show(rows, title="Pages", as_json=as_json)
    return Exit.OK
