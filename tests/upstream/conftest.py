"""A server of paid tools and a paid agent, over HTTP, for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.a2a_agent import Agent
from sandbox.mcp_seller import Shop
from sandbox.run import SELLER, Sandbox
from sandbox.serve import Served


@pytest.fixture(scope="session")
def shop_url(sandbox: Sandbox) -> Iterator[str]:
    """Serve the sandbox's tools over streamable HTTP and return their URL."""
    server = Shop(f"{sandbox.seller_url}/facilitator", SELLER).server()
    served = Served(server.streamable_http_app(), 0, "sandbox-tools", lifespan=True)
    served.start()
    yield f"{served.url}/mcp"
    served.stop()


@pytest.fixture
def agent(sandbox: Sandbox) -> Agent:
    """Return a fresh agent."""
    return Agent(f"{sandbox.seller_url}/facilitator", SELLER)


@pytest.fixture
def agent_url(agent: Agent) -> Iterator[str]:
    """Serve the agent and return where it takes messages."""
    served = Served(agent.app(), 0, "sandbox-agent")
    served.start()
    yield f"{served.url}/"
    served.stop()
