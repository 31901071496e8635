import { type Abi, parseAbi, toEventSelector } from "viem";
import gatewayArtifact from "../../contracts/artifacts/Gateway.json";
import tokenBridgeArtifact from "../../contracts/artifacts/TokenBridge.json";

// The events that crates/chain-evm/src/events.rs follows. Written out, because a JSON import has no literal types, from
// which ponder infers what a handler gets.
export const gatewayAbi = parseAbi([
  "event Sent(uint64 indexed destinationChain, uint32 indexed generation, bytes message)",
  "event Delivered(bytes32 indexed lane, uint64 fromNonce, uint64 toNonce, bytes32 accumulator)",
  "event Recorded(bytes32 indexed lane, uint64 indexed nonce, bytes32 id, uint8 reason)",
  "event Executed(bytes32 indexed lane, uint64 indexed nonce, bytes32 id)",
  "event Expired(bytes32 indexed lane, uint64 indexed nonce, bytes32 id, uint64 refundNonce)",
  "event Struck(bytes32 indexed id)",
  "event LaneOpened(uint64 indexed chain, uint32 indexed generation, bytes32 gateway, bytes32 outboundLane, bytes32 inboundLane)",
  "event LaneEnded(uint64 indexed chain, uint32 indexed generation, bytes32 outboundLane, bytes32 inboundLane, uint64 outboxNonce, bytes32 inbox)",
  "event FeePaid(uint64 indexed chain, uint32 indexed generation, uint64 indexed nonce, uint256 amount)",
  "event SetRotated(uint64 indexed epoch, bytes32 setHash, uint64 hubTime, bytes set)",
]);

export const tokenBridgeAbi = parseAbi([
  "event Forwarded(bytes32 indexed tokenId, bytes32 indexed id, uint64 toChain, uint64 nonce)",
  "event Returned(bytes32 indexed tokenId, bytes32 indexed id, uint64 toChain, uint64 nonce)",
  "event TransferQueued(bytes32 indexed tokenId, uint64 indexed index, bytes32 indexed id, address to, uint128 amount, uint40 releaseAt)",
  "event QueueReleased(bytes32 indexed tokenId, uint64 indexed index, bool claimable)",
  "event QueueCancelled(bytes32 indexed tokenId, uint64 indexed index)",
]);

/** Fails when an event above is not the contract's: it would then be looked for, and never found. */
function check(written: Abi, artifact: Abi) {
  const known = artifact.filter((item) => item.type === "event").map(toEventSelector);
  for (const item of written) {
    if (item.type === "event" && !known.includes(toEventSelector(item))) {
      throw new Error(`${item.name} is not an event of the committed ABI; correct abis.ts`);
    }
  }
}
check(gatewayAbi, gatewayArtifact.abi as Abi);
check(tokenBridgeAbi, tokenBridgeArtifact.abi as Abi);
