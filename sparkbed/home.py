"""The state folder: everything that sparkbed keeps outside git."""

from __future__ import annotations

import os
from pathlib import Path

from sparkbed.errors import StoreError

ROOT = Path(__file__).resolve().parent.parent
"""The checkout: playbooks/, templates/, suites/, workloads/ and inventories/ stand here."""


class Home:
    """Where things lie in the state folder: `.sparkbed/` in the checkout, or SPARKBED_HOME. Made when asked for."""

    def __init__(self, path: Path | None = None) -> None:
        chosen = path or Path(os.environ.get("SPARKBED_HOME") or ROOT / ".sparkbed")
        self.path = chosen.expanduser().absolute()

    def folder(self, *parts: str, private: bool = False) -> Path:
        """A folder below the state folder, made if need be; `private` ones are readable by their owner only.

        Raises:
            StoreError: when it can't be made.
        """
        folder = self.path.joinpath(*parts)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700 if private else 0o777)
        except OSError as error:
            raise StoreError(
                f"the state folder can't be made: {error.strerror}",
                where=str(folder),
                hint="Name a folder that you can write with SPARKBED_HOME.",
            ) from None
        return folder

    @property
    def database(self) -> Path:
        return self.folder() / "sparkbed.db"

    @property
    def log(self) -> Path:
        return self.folder("logs") / "sparkbed.log"

    @property
    def keys(self) -> Path:
        """Our SSH key pair and the host keys that we make: 0700."""
        return self.folder("keys", private=True)

    @property
    def inventories(self) -> Path:
        """Generated inventories, `<deployment>.yml`."""
        return self.folder("inventories")

    @property
    def endpoint(self) -> Path:
        """The local EC2 endpoint's own: pid, port, lock, state, log."""
        return self.folder("endpoint")

    @property
    def nodes(self) -> Path:
        """One folder a node of the local endpoint, named by instance id."""
        return self.folder("nodes")

    @property
    def build(self) -> Path:
        """What is compiled from workloads/, named by content."""
        return self.folder("build")

    @property
    def sparks(self) -> Path:
        """Sparks of other versions than the installed one, `<version>/pyspark`."""
        return self.folder("sparks")

    def campaign(self, campaign_id: str) -> Path:
        """One campaign's artifacts: rendered configs, trials/<trial>/{driver.log, ...}."""
        return self.folder("campaigns", campaign_id)
