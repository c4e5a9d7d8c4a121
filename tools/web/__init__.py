"""The web as Purser sees it: addresses to be asked, and one guarded, bounded HTTP exchange."""
