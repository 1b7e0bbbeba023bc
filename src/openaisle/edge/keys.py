"""The keys of entry codes: who issues them for this shop, and whom its gates believe."""

from __future__ import annotations

from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key

from openaisle.adapters.entry_codes import CodeIssuer, load_or_create_key
from openaisle.core.errors import InputError
from openaisle.edge.settings import ShopSettings

PRIVATE: Final = "entry.key"
PUBLIC: Final = "entry.pub"


def make_entry_keys(settings: ShopSettings) -> None:
    """At the first start of a shop that names no issuer: a key pair of its own in the state folder."""
    if settings.edge.entry_public_key is not None:
        entry_public_key(settings)
        return
    key = load_or_create_key(settings.state_folder / PRIVATE)
    text = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (settings.state_folder / PUBLIC).write_bytes(text)


def entry_public_key(settings: ShopSettings) -> Ed25519PublicKey:
    """The key that gates believe. Raises InputError if the file holds none."""
    path = settings.edge.entry_public_key or settings.state_folder / PUBLIC
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(f"is no public key ({error})", file=str(path), expected="Ed25519 PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError("is another kind of key", file=str(path), expected="Ed25519 PEM")
    return key


def code_issuer(settings: ShopSettings, store_id: str) -> CodeIssuer:
    """Issues codes with the shop's own private key: the simulator's phones, a counter in a small shop."""
    return CodeIssuer(load_or_create_key(settings.state_folder / PRIVATE), store_id)
