// The official TypeScript seller on express: node express_seller.mjs FACILITATOR_URL PAY_TO
// Writes its own URL as one line, and serves until its standard input ends.

import express from "express";
import { HTTPFacilitatorClient } from "@x402/core/server";
import { ExactEvmScheme } from "@x402/evm/exact/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";

const [url, payTo] = process.argv.slice(2);
const network = "eip155:84532";
const server = new x402ResourceServer(new HTTPFacilitatorClient({ url })).register(
  network,
  new ExactEvmScheme(),
);
const accepts = { scheme: "exact", price: "$0.03", network, payTo, maxTimeoutSeconds: 60 };
const routes = {
  "GET /report": { accepts, description: "A report", mimeType: "application/json" },
  "POST /echo": { accepts: { ...accepts, extra: { tier: [1, { deep: "Zürich" }] } } },
};

const app = express();
app.use(paymentMiddleware(routes, server));
app.use(express.text({ type: "*/*" }));
app.get("/report", (_request, response) => response.json({ report: "all is well" }));
app.post("/echo", (request, response) => response.json({ heard: request.body }));

const listening = app.listen(0, "127.0.0.1", () => {
  process.stdout.write(`http://127.0.0.1:${listening.address().port}\n`);
});
process.stdin.resume().on("end", () => process.exit(0));
