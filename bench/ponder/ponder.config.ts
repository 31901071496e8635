import { createConfig } from "ponder";
import { gatewayAbi, tokenBridgeAbi } from "./abis";

/** What crates/testkit/src/bench sets. */
function setting(name: string): string {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set; run the backfill bench`);
  return value;
}

const startBlock = Number(setting("ICC_START_BLOCK"));

// ponder allows itself 20 requests per second and endpoint at first, and there is no setting for it. Its limiter is not
// what is to be measured: the one node is listed as many times as it takes to be out of the way.
const endpoints = Array<string>(Number(setting("ICC_ENDPOINTS"))).fill(setting("ICC_RPC_URL"));

export default createConfig({
  ordering: "multichain",
  database: { kind: "postgres", connectionString: setting("DATABASE_URL") },
  chains: {
    source: {
      id: Number(setting("ICC_CHAIN_ID")),
      rpc: endpoints,
      // The RPC cache pays off at the second start; the figure is of the first.
      disableCache: true,
    },
  },
  contracts: {
    Gateway: {
      abi: gatewayAbi,
      chain: "source",
      address: setting("ICC_GATEWAY") as `0x${string}`,
      startBlock,
    },
    TokenBridge: {
      abi: tokenBridgeAbi,
      chain: "source",
      address: setting("ICC_TOKEN_BRIDGE") as `0x${string}`,
      startBlock,
    },
  },
});
