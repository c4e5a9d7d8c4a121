"""x402 `batch-settlement` on EVM chains, sans-IO: one deposit, then a voucher for each page."""
