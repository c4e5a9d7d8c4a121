"""Run `python -m purser_mcp` as the `purser` command."""

import sys

from purser_mcp import main

sys.exit(main())
