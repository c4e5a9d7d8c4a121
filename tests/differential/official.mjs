// The official TypeScript SDK as the judge of payments: one JSON object a line in, one a line out.
//
// In:  { version, challenge, header, payer, recover }   header values in base64, as they are sent
// Out: { matched, extensions, valid, reason, digest }
//
// The facilitator is told that the payer is a contract, so it asks `isValidSignature` about the
// very digest that it computed, and that digest is the answer. With `recover` the payer is an
// ordinary account, and the facilitator recovers the signer itself, which takes most of the time.

import { createInterface } from "node:readline";
import { decodePaymentSignatureHeader } from "@x402/core/http";
import { x402ResourceServer } from "@x402/core/server";
import { ExactEvmScheme as ExactFacilitator } from "@x402/evm/exact/facilitator";
import { ExactEvmScheme as ExactServer } from "@x402/evm/exact/server";
import { ExactEvmSchemeV1 } from "@x402/evm/exact/v1/facilitator";
import { UptoEvmScheme as UptoFacilitator } from "@x402/evm/upto/facilitator";
import { UptoEvmScheme as UptoServer } from "@x402/evm/upto/server";
import { DEFAULT_ASSETS, PERMIT2_ADDRESS, x402ExactPermit2ProxyAddress } from "@x402/evm";
import { x402UptoPermit2ProxyAddress } from "@x402/evm";
import { EVM_NETWORK_CHAIN_ID_MAP } from "@x402/evm/v1";

const UNLIMITED = 2n ** 256n - 1n;
const seen = {};

const signer = {
  getAddresses: () => [seen.facilitator],
  getCode: async ({ address }) => (seen.recover && address === seen.payer ? "0x" : "0x60"),
  readContract: async ({ functionName, args }) => {
    if (functionName !== "isValidSignature") return UNLIMITED;
    seen.digest = args[0];
    return "0x1626ba7e";
  },
};
const facilitators = {
  1: { exact: new ExactEvmSchemeV1(signer) },
  2: { exact: new ExactFacilitator(signer), upto: new UptoFacilitator(signer) },
};
const server = new x402ResourceServer([])
  .register("eip155:*", new ExactServer())
  .register("eip155:*", new UptoServer());

async function judge({ version, challenge, header, payer, recover }) {
  const asked = JSON.parse(Buffer.from(challenge, "base64").toString("utf8"));
  const payment = decodePaymentSignatureHeader(header);
  const matched = version === 1 || server.findMatchingRequirements(asked.accepts, payment);
  const extensions = server.validateExtensions(asked, payment).valid;
  const offer = asked.accepts[0];
  const facilitator = offer.extra?.facilitatorAddress;
  Object.assign(seen, { digest: null, payer, facilitator, recover });
  const verdict = await facilitators[version][offer.scheme].verify(payment, offer);
  const reason = verdict.invalidReason ?? null;
  const { digest } = seen;
  return { matched: Boolean(matched), extensions, valid: verdict.isValid, reason, digest };
}

const TABLES = {
  assets: DEFAULT_ASSETS,
  v1: EVM_NETWORK_CHAIN_ID_MAP,
  contracts: {
    permit2: PERMIT2_ADDRESS,
    x402_exact_permit2_proxy: x402ExactPermit2ProxyAddress,
    x402_upto_permit2_proxy: x402UptoPermit2ProxyAddress,
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  const answer = question === "tables" ? TABLES : await judge(question);
  process.stdout.write(JSON.stringify(answer) + "\n");
}
