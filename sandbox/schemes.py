"""What else is sold: for Permit2 signatures, up to a ceiling, and through payment channels.

Scheme code, middleware and facilitator are the pinned `x402` package's own. These imports cost a
quarter of a second, so `sandbox.sellers` leaves this module to the first request that needs it.
"""

# pyright: reportMissingTypeStubs=false
# pyright: reportArgumentType=false
# The package's schemes miss its own protocols in the names of arguments.

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from x402 import x402Facilitator, x402ResourceServer
from x402.extensions.eip2612_gas_sponsoring import (
    EIP2612_GAS_SPONSORING,
    declare_eip2612_gas_sponsoring_extension,
)
from x402.http.middleware.fastapi import set_settlement_overrides
from x402.http.types import PaymentOption, RouteConfig
from x402.mechanisms.evm.batch_settlement.authorizer_signer import LocalAuthorizerSigner
from x402.mechanisms.evm.batch_settlement.facilitator import BatchSettlementEvmFacilitator
from x402.mechanisms.evm.batch_settlement.server import BatchSettlementEvmScheme
from x402.mechanisms.evm.exact import register_exact_evm_server
from x402.mechanisms.evm.signers import FacilitatorWeb3Signer
from x402.mechanisms.evm.upto import UptoEvmFacilitatorScheme, UptoEvmServerScheme

from sandbox.channels import add_channel_routes
from sandbox.facilitator import NETWORK
from sandbox.paywall import MAX_TIMEOUT_S, require_payment
from sandbox.rpc import AsgiApp
from sandbox.wares import BY_SCHEME, Ware

_GASLESS = "/permit2/gasless"
UPTO_TAKEN_ATOMIC = 12_345
"""What `/upto/page` takes of its ceiling unless `?take=` says otherwise."""


def build_scheme_seller(
    facilitator: x402Facilitator, signer: FacilitatorWeb3Signer, pay_to: str, receiver_key: str
) -> AsgiApp:
    """Teach `facilitator` these schemes and return their seller.

    `receiver_key` signs for the receiver of the channels, so that anybody may send its claims.
    """
    facilitator.register([NETWORK], UptoEvmFacilitatorScheme(signer))
    authorizer = LocalAuthorizerSigner(receiver_key)
    facilitator.register([NETWORK], BatchSettlementEvmFacilitator(signer, authorizer))
    facilitator.register_extension(EIP2612_GAS_SPONSORING)
    server = x402ResourceServer(facilitator)
    register_exact_evm_server(server, [NETWORK])
    server.register(NETWORK, UptoEvmServerScheme())
    channels = BatchSettlementEvmScheme(pay_to)
    server.register(NETWORK, channels)
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    require_payment(app, server, {ware.route: _config(ware, pay_to) for ware in BY_SCHEME})
    _add_pages(app)
    add_channel_routes(app, channels, facilitator)
    return app


def _config(ware: Ware, pay_to: str) -> RouteConfig:
    through_permit2 = ware.scheme == "permit2"
    extra = {"assetTransferMethod": "permit2"} if through_permit2 else None
    scheme = "exact" if through_permit2 else ware.scheme
    gasless = declare_eip2612_gas_sponsoring_extension() if ware.path == _GASLESS else None
    return RouteConfig(
        accepts=PaymentOption(scheme, pay_to, ware.price, NETWORK, MAX_TIMEOUT_S, extra),
        description=ware.title,
        extensions=gasless,
    )


def _add_pages(app: FastAPI) -> None:
    async def tide_table() -> PlainTextResponse:
        return PlainTextResponse("High water at Port Ellery: 05:12 and 17:38.")

    async def account(request: Request) -> Response:
        taken = request.query_params.get("take", str(UPTO_TAKEN_ATOMIC))
        response = JSONResponse({"taken_atomic": taken})
        set_settlement_overrides(response, {"amount": taken})
        return response

    async def log_page(number: int) -> PlainTextResponse:
        return PlainTextResponse(f"Page {number} of the log of the brig Constance.")

    app.get("/permit2/page")(tide_table)
    app.get(_GASLESS)(tide_table)
    app.get("/upto/page")(account)
    app.get("/batch/page/{number}")(log_page)
