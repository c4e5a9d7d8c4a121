"""The x402 rail, versions 1 and 2, scheme `exact` over EIP-3009."""
