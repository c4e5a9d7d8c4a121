"""The web as Purser sees it: a guarded HTTP exchange and content extraction."""
