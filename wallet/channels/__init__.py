"""Payment channels of x402 `batch-settlement`: one deposit, then one voucher for each page."""
