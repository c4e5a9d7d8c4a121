"""The signer: only held transfers, only under our own domain, and never a word about the key."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import threading
from typing import Any

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_keys.datatypes import PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from wallet.assets import assets
from wallet.model import Evidence, Method, Purchase, State, Transfer
from wallet.money import UINT256_MAX, Usd
from wallet.rails.x402.eip712 import transfer_typed_data
from wallet.rails.x402.gas_permit import gas_permit_typed_data
from wallet.rails.x402.permit2 import permit2_typed_data
from wallet.signing.key import SigningRefusedError, UnlockedKey
from wallet.signing.transfers import Signer

SECRET = bytes.fromhex("59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")
PAYER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
PAYEE = "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC"
ID = "01890a5d-ac96-774b-bcce-b302099a8057"
CURVE_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

TRANSFER = Transfer(
    network_id="eip155:84532",
    asset="0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    payer=PAYER,
    pay_to=PAYEE,
    amount_atomic=10_000,
    valid_after=0,
    valid_before=1_800_000_000,
    nonce="0x" + "ab" * 32,
)
HELD = Purchase(
    id=ID,
    key="k",
    principal="p",
    method="GET",
    url="https://api.example.com/",
    host="api.example.com",
    state=State.HELD,
    evidence=Evidence.NONE,
    created_at=1,
    settled_at=None,
    pay_again=False,
    rail="x402",
    scheme="exact",
    transfer=TRANSFER,
    amount_usd=Usd(10_000),
    tx_hash=None,
    delivery=None,
    notes=(),
)


class OneKey:
    """A key source that counts how often it is opened."""

    def __init__(self) -> None:
        self.unlocks = 0

    def address(self) -> str:
        return PAYER

    def unlock(self) -> UnlockedKey:
        self.unlocks += 1
        return UnlockedKey(SECRET)


def signer_for(purchase: Purchase | None) -> Signer:
    return Signer(OneKey(), lambda _: purchase)


def holding(transfer: Transfer) -> Purchase:
    return dataclasses.replace(HELD, transfer=transfer)


words = st.binary(min_size=32, max_size=32).map(lambda data: "0x" + data.hex())
uints = st.integers(0, UINT256_MAX)


@given(st.sampled_from(sorted(assets())), uints, uints, uints, words)
def test_a_signature_is_what_a_reference_wallet_signs_for_our_own_domain(
    token: tuple[str, str], amount: int, after: int, before: int, nonce: str
) -> None:
    asset = assets()[token]
    transfer = Transfer(asset.network, asset.address, PAYER, PAYEE, amount, after, before, nonce)
    signed = signer_for(holding(transfer)).sign(ID, transfer)
    message = transfer_typed_data(transfer, asset)
    expected = Account.sign_typed_data(  # pyright: ignore[reportUnknownMemberType]
        SECRET, full_message=message
    )
    assert signed.signature == "0x" + bytes(expected.signature).hex()
    assert (signed.purchase_id, signed.transfer) == (ID, transfer)
    recovered = Account.recover_message(  # pyright: ignore[reportUnknownMemberType]
        encode_typed_data(full_message=message), signature=signed.signature
    )
    assert recovered == PAYER
    assert len(signed.signature) == 132
    assert int(signed.signature[66:130], 16) <= CURVE_ORDER // 2
    assert int(signed.signature[130:], 16) in (27, 28)


FACILITATOR = "0x" + "5a" * 20
PERMIT2 = dataclasses.replace(TRANSFER, method=Method.PERMIT2)
UPTO = dataclasses.replace(TRANSFER, method=Method.UPTO, facilitator=FACILITATOR)
HELD_UPTO = dataclasses.replace(HELD, scheme="upto", transfer=UPTO)


def signed_by_reference(message: dict[str, Any]) -> str:
    signed = Account.sign_typed_data(  # pyright: ignore[reportUnknownMemberType]
        SECRET, full_message=message
    )
    return "0x" + bytes(signed.signature).hex()


@pytest.mark.parametrize("held", [holding(PERMIT2), HELD_UPTO])
def test_each_method_is_signed_as_its_own_message(held: Purchase) -> None:
    transfer = held.transfer
    assert transfer is not None
    asset = assets()[transfer.network_id, transfer.asset.lower()]
    signer = signer_for(held)
    message = permit2_typed_data(transfer, asset)
    assert signer.sign(ID, transfer).signature == signed_by_reference(message)
    permit = gas_permit_typed_data(transfer, asset, 7)
    assert signer.sign_permit(ID, transfer, 7) == signed_by_reference(permit)
    assert permit["message"]["spender"] == "0x000000000022D473030F116dDEE9F6B43aC78BA3"
    assert (permit["message"]["value"], permit["message"]["deadline"]) == (10_000, 1_800_000_000)


@pytest.mark.parametrize(
    ("scheme", "transfer", "reason"),
    [
        ("charge", TRANSFER, "scheme"),  # of MPP, but not of x402
        ("batch-settlement", dataclasses.replace(TRANSFER, method=Method.VOUCHER), "scheme"),
        ("exact", UPTO, "method"),
        ("upto", TRANSFER, "method"),
        ("upto", PERMIT2, "method"),
        ("permit2", PERMIT2, "scheme"),
        ("exact", dataclasses.replace(TRANSFER, facilitator=FACILITATOR), "types"),
        ("exact", dataclasses.replace(PERMIT2, facilitator=FACILITATOR), "types"),
        ("upto", dataclasses.replace(UPTO, facilitator=None), "types"),
        ("upto", dataclasses.replace(UPTO, facilitator="0x12"), "types"),
    ],
)
def test_a_method_is_signed_under_its_own_scheme_alone(
    scheme: str, transfer: Transfer, reason: str
) -> None:
    held = dataclasses.replace(HELD, scheme=scheme, transfer=transfer)
    with pytest.raises(SigningRefusedError, match=reason):
        signer_for(held).sign(ID, transfer)


def test_a_charge_of_mpp_is_signed_and_an_exact_one_of_mpp_is_not() -> None:
    charge = dataclasses.replace(HELD, rail="mpp", scheme="charge")
    assert signer_for(charge).sign(ID, TRANSFER) == signer_for(HELD).sign(ID, TRANSFER)
    for rail, scheme in (("mpp", "exact"), (None, "exact")):
        other = dataclasses.replace(HELD, rail=rail, scheme=scheme)
        with pytest.raises(SigningRefusedError, match="scheme"):
            signer_for(other).sign(ID, TRANSFER)


@pytest.mark.parametrize(
    ("held", "checked", "reason"),
    [
        (HELD, TRANSFER, "types"),
        (None, PERMIT2, "no such purchase"),
        (dataclasses.replace(holding(PERMIT2), state=State.SIGNED), PERMIT2, "not held"),
        (
            holding(PERMIT2),
            dataclasses.replace(PERMIT2, amount_atomic=10_001),
            "not the one that was checked",
        ),
        (
            holding(dataclasses.replace(PERMIT2, payer=PAYEE)),
            dataclasses.replace(PERMIT2, payer=PAYEE),
            "payer",
        ),
    ],
)
def test_a_permit_is_signed_for_a_held_permit2_transfer_alone(
    held: Purchase | None, checked: Transfer, reason: str
) -> None:
    with pytest.raises(SigningRefusedError, match=reason):
        signer_for(held).sign_permit(ID, checked, 0)


@pytest.mark.parametrize("permit_nonce", [-1, UINT256_MAX + 1])
def test_a_permit_nonce_that_is_none_is_refused(permit_nonce: int) -> None:
    with pytest.raises(SigningRefusedError, match="types"):
        signer_for(holding(PERMIT2)).sign_permit(ID, PERMIT2, permit_nonce)


def test_signing_the_same_hold_again_gives_the_same_bytes() -> None:
    signer = signer_for(HELD)
    assert signer.sign(ID, TRANSFER) == signer.sign(ID, TRANSFER)


@pytest.mark.parametrize("state", [state for state in State if state is not State.HELD])
def test_a_purchase_that_is_not_held_is_never_signed(state: State) -> None:
    with pytest.raises(SigningRefusedError, match="not held"):
        signer_for(dataclasses.replace(HELD, state=state)).sign(ID, TRANSFER)


@pytest.mark.parametrize(
    ("purchase", "reason"),
    [
        (None, "no such purchase"),
        (dataclasses.replace(HELD, id="another"), "no such purchase"),
        (dataclasses.replace(HELD, transfer=None), "no transfer"),
        (dataclasses.replace(HELD, scheme="permit2"), "scheme"),
        (dataclasses.replace(HELD, scheme=None), "scheme"),
        (holding(dataclasses.replace(TRANSFER, asset=PAYEE)), "asset table"),
        (holding(dataclasses.replace(TRANSFER, network_id="eip155:8453")), "asset table"),
        (holding(dataclasses.replace(TRANSFER, payer=PAYEE)), "payer"),
        (holding(dataclasses.replace(TRANSFER, payer=PAYER.lower())), "payer"),
        (holding(dataclasses.replace(TRANSFER, amount_atomic=UINT256_MAX + 1)), "types"),
        (holding(dataclasses.replace(TRANSFER, amount_atomic=-1)), "types"),
        (holding(dataclasses.replace(TRANSFER, nonce="0x12")), "types"),
        (holding(dataclasses.replace(TRANSFER, pay_to="bob.eth")), "types"),
    ],
)
def test_anything_but_our_own_held_transfer_is_refused(
    purchase: Purchase | None, reason: str
) -> None:
    transfer = None if purchase is None else purchase.transfer
    with pytest.raises(SigningRefusedError, match=reason):
        signer_for(purchase).sign(ID, TRANSFER if transfer is None else transfer)


@pytest.mark.parametrize(
    "change",
    [
        {"asset": PAYEE},
        {"network_id": "eip155:8453"},
        {"pay_to": PAYER},
        {"amount_atomic": 10_001},
        {"valid_after": 1},
        {"valid_before": 1_900_000_000},
        {"nonce": "0x" + "cd" * 32},
    ],
)
def test_a_row_that_differs_from_what_was_checked_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(SigningRefusedError, match="not the one that was checked"):
        signer_for(holding(dataclasses.replace(TRANSFER, **change))).sign(ID, TRANSFER)


def test_the_signer_reads_the_purchase_that_was_asked_for() -> None:
    asked: list[str] = []

    def load(purchase_id: str) -> Purchase | None:
        asked.append(purchase_id)
        return None

    with pytest.raises(SigningRefusedError):
        Signer(OneKey(), load).sign("some-id", TRANSFER)
    assert asked == ["some-id"]


def test_the_signer_offers_no_other_way_to_a_signature() -> None:
    public = {name for name, _ in inspect.getmembers(Signer) if not name.startswith("_")}
    assert public == {"address", "prepare", "sign", "sign_permit"}
    assert list(inspect.signature(Signer.sign).parameters) == ["self", "purchase_id", "checked"]
    permit = ["self", "purchase_id", "checked", "permit_nonce"]
    assert list(inspect.signature(Signer.sign_permit).parameters) == permit
    key_public = {name for name, _ in inspect.getmembers(UnlockedKey) if not name.startswith("_")}
    assert key_public == {"address", "sign"}


def test_the_key_is_opened_once_even_by_many_threads() -> None:
    keys = OneKey()
    signer = Signer(keys, lambda _: HELD)
    start = threading.Barrier(8)
    signatures: list[str] = []

    def run() -> None:
        start.wait()
        signatures.append(signer.sign(ID, TRANSFER).signature)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert keys.unlocks == 1
    assert len(signatures) == 8
    assert len(set(signatures)) == 1


def test_preparing_opens_the_key_before_the_first_signature() -> None:
    keys = OneKey()
    Signer(keys, lambda _: HELD).prepare()
    assert keys.unlocks == 1


def test_an_unlocked_key_cannot_be_copied_or_pickled() -> None:
    key = UnlockedKey(SECRET)
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="cannot be copied"):
            attempt(key)


@pytest.mark.parametrize(
    "secret", [b"", SECRET[:31], SECRET + b"\0", bytes(32), CURVE_ORDER.to_bytes(32, "big")]
)
def test_bytes_that_are_no_key_are_refused_without_quoting_them(secret: bytes) -> None:
    with pytest.raises(ValueError, match="private key") as caught:
        UnlockedKey(secret)
    if secret:
        assert secret.hex() not in str(caught.value)
    assert caught.value.__cause__ is None


def test_neither_key_nor_signature_shows_in_a_repr() -> None:
    signer = signer_for(HELD)
    signed = signer.sign(ID, TRANSFER)
    assert SECRET.hex() not in repr(UnlockedKey(SECRET)) + repr(signer) + repr(vars(signer))
    assert signed.signature[2:] not in repr(signed)


def test_a_signature_that_recovers_to_another_address_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sign, other = PrivateKey.sign_msg_hash, PrivateKey(b"\x11" * 32)

    def by_another_key(_: PrivateKey, digest: bytes) -> Any:
        return sign(other, digest)

    monkeypatch.setattr(PrivateKey, "sign_msg_hash", by_another_key)
    with pytest.raises(SigningRefusedError, match="does not recover"):
        signer_for(HELD).sign(ID, TRANSFER)
