"""Keys in a Secret of Kubernetes, beside the pepper they are made with: what a release of the chart mounts."""

from __future__ import annotations

import secrets
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from casa.access.page import Page
from casa.access.record import Record
from casa.errors import ClusterUnavailable, Conflict, NotFound

if TYPE_CHECKING:
    from casa.rollout.cluster import Cluster

KEYS, PEPPER = "keys.json", "pepper"
TRIES = 10
Entries = Mapping[str, bytes]
"""What a Secret holds, by name."""


class KeySecret:
    """A Secret with keys. Every change is of the whole, and made again if others were faster."""

    def __init__(self, cluster: Cluster, name: str) -> None:
        self._cluster = cluster
        self._name = name
        self.place = f"the Secret {name} of the namespace {cluster.namespace}"

    def pepper(self) -> str:
        """What its keys are made with: made with the Secret, and never changed."""
        return self._change(_with_pepper)[PEPPER].decode()

    def read(self) -> Sequence[Record]:
        """All keys, revoked ones too; InvalidKeySource if they are not in their form."""
        return self._page(self._entries()).keys

    def add(self, record: Record, *, actor: str) -> None:  # noqa: ARG002 - a Secret has no audit
        """Keep a new key."""
        self._change(lambda held: self._write(held, self._page(held).add(record)))

    def revoke(self, key_id: str, *, actor: str, now: datetime) -> None:  # noqa: ARG002
        """Close a key for good; NotFound if there is none of that id. A second time changes nothing."""
        self._change(lambda held: self._write(held, self._page(held).revoke(key_id, now=now)))

    def holds(self, entry: str) -> bool:
        """Is there an entry of this name?"""
        return entry in self._entries()

    def keep(self, record: Record, token: str, *, entry: str) -> None:
        """Keep a new key, and its token as an entry of its own, unless there is one of that name."""

        def both(held: Entries) -> Entries:
            added = self._write(held, self._page(held).add(record))
            return held if entry in held else {**added, entry: token.encode()}

        self._change(both)

    def _page(self, held: Entries) -> Page:
        return Page.parse(held[KEYS], place=self.place) if KEYS in held else Page(keys=())

    def _write(self, held: Entries, page: Page) -> Entries:
        return {**held, KEYS: page.text().encode()}

    def _entries(self) -> Entries:
        try:
            return _decoded(self._cluster.secret(self._name))
        except NotFound:
            return {}

    def _change(self, change: Callable[[Entries], Entries]) -> Entries:
        """What it holds afterwards; ClusterUnavailable if others change it all the time."""
        for _ in range(TRIES):
            try:
                return self._try(change)
            except Conflict:
                continue
        raise ClusterUnavailable(f"{self.place} is changed by others all the time; try again")

    def _try(self, change: Callable[[Entries], Entries]) -> Entries:
        try:
            found = self._cluster.secret(self._name)
        except NotFound:
            held = change({})
            self._cluster.create_secret(_secret(self._name, held))
            return held
        held = change(old := _decoded(found))
        if held != old:
            self._cluster.replace_secret({**found, "data": _encoded(held)})
        return held


def _with_pepper(held: Entries) -> Entries:
    return {PEPPER: secrets.token_hex(32).encode(), **held}


def _secret(name: str, held: Entries) -> dict[str, Any]:  # an object of the cluster
    # No release owns it: `helm uninstall` leaves it, and the next install of the same name takes it as it is.
    labels = {"app.kubernetes.io/name": "casa", "app.kubernetes.io/component": "keys"}
    notes = {"helm.sh/resource-policy": "keep"}
    metadata = {"name": name, "labels": labels, "annotations": notes}
    return {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "metadata": metadata, "data": _encoded(held)}


def _decoded(found: Mapping[str, Any]) -> Entries:  # as above
    return {name: b64decode(value) for name, value in (found.get("data") or {}).items()}


def _encoded(held: Entries) -> dict[str, str]:
    return {name: b64encode(value).decode("ascii") for name, value in held.items()}
