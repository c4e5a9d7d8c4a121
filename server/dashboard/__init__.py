"""The pages on which a person watches the money; nothing here moves any, or changes a limit.

`reading` asks the ledger, `overview`, `receipt_pages` and `tables` draw, `live` tells pages that
something changed, and `site` names the routes. There is no form that is posted.
"""
