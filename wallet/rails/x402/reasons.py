"""The settlement error reasons that are repeated to anyone: x402's own, and nothing a seller made.

Taken from the x402 v2 specification (section 9) and the reasons that facilitators of the `exact`
scheme on EVM chains send. Any other text becomes `unrecognised`.
"""

from __future__ import annotations

UNRECOGNISED = "unrecognised"

KNOWN = frozenset(
    {
        "asset_not_deployed_contract",
        "duplicate_settlement",
        "eip6492_factory_not_allowed",
        "facilitator_error",
        "insufficient_balance",
        "insufficient_funds",
        "invalid_exact_evm_eip3009_not_supported",
        "invalid_exact_evm_failed_to_get_asset_info",
        "invalid_exact_evm_failed_to_get_network_config",
        "invalid_exact_evm_failed_to_verify_signature",
        "invalid_exact_evm_insufficient_balance",
        "invalid_exact_evm_nonce_already_used",
        "invalid_exact_evm_payload_authorization_valid_after",
        "invalid_exact_evm_payload_authorization_valid_before",
        "invalid_exact_evm_payload_authorization_value",
        "invalid_exact_evm_payload_authorization_value_mismatch",
        "invalid_exact_evm_payload_recipient_mismatch",
        "invalid_exact_evm_payload_signature",
        "invalid_exact_evm_payload_undeployed_smart_wallet",
        "invalid_exact_evm_token_name_mismatch",
        "invalid_exact_evm_token_version_mismatch",
        "invalid_exact_evm_transaction_simulation_failed",
        "invalid_exact_evm_transfer_event_mismatch",
        "invalid_network",
        "invalid_payload",
        "invalid_payment",
        "invalid_payment_requirements",
        "invalid_scheme",
        "invalid_transaction_state",
        "invalid_x402_version",
        "missing_eip712_domain",
        "network_mismatch",
        "payment_expired",
        "settlement_failed",
        "settlement_pending",
        "smart_wallet_deployment_failed",
        "transaction_failed",
        "transaction_simulation_failed",
        "unexpected_settle_error",
        "unexpected_verify_error",
        "unsupported_asset_transfer_method",
        "unsupported_network",
        "unsupported_payload_type",
        "unsupported_payment_flow",
        "unsupported_scheme",
        "unsupported_version",
    }
)
