import { ponder } from "ponder:registry";
import { delivery, feePaid, lane, message, step, struck, validatorSet } from "ponder:schema";
import { hexToBigInt, slice } from "viem";

ponder.on("Gateway:Sent", async ({ event, context }) => {
  await context.db.insert(message).values({
    sourceChain: context.chain.id,
    destinationChain: event.args.destinationChain,
    generation: event.args.generation,
    // After the kind: crates/protocol/src/message.rs.
    nonce: hexToBigInt(slice(event.args.message, 1, 9)),
    encoded: event.args.message,
    blockNumber: event.block.number,
    blockHash: event.block.hash,
    blockTimestamp: event.block.timestamp,
    transaction: event.transaction.hash,
    logIndex: event.log.logIndex,
  });
});

ponder.on("Gateway:Delivered", async ({ event, context }) => {
  await context.db.insert(delivery).values({
    ...event.args,
    destinationChain: context.chain.id,
    blockNumber: event.block.number,
    blockHash: event.block.hash,
    transaction: event.transaction.hash,
    logIndex: event.log.logIndex,
  });
});

ponder.on("Gateway:Recorded", async ({ event, context }) => {
  await context.db.insert(step).values({
    lane: event.args.lane,
    nonce: event.args.nonce,
    kind: "recorded",
    messageId: event.args.id,
    detail: BigInt(event.args.reason),
    blockNumber: event.block.number,
    blockHash: event.block.hash,
    transaction: event.transaction.hash,
  });
});

ponder.on("Gateway:Executed", async ({ event, context }) => {
  await context.db.insert(step).values({
    lane: event.args.lane,
    nonce: event.args.nonce,
    kind: "executed",
    messageId: event.args.id,
    blockNumber: event.block.number,
    blockHash: event.block.hash,
    transaction: event.transaction.hash,
  });
});

ponder.on("Gateway:Expired", async ({ event, context }) => {
  await context.db.insert(step).values({
    lane: event.args.lane,
    nonce: event.args.nonce,
    kind: "expired",
    messageId: event.args.id,
    detail: event.args.refundNonce,
    blockNumber: event.block.number,
    blockHash: event.block.hash,
    transaction: event.transaction.hash,
  });
});

ponder.on("Gateway:Struck", async ({ event, context }) => {
  await context.db
    .insert(struck)
    .values({ messageId: event.args.id, blockNumber: event.block.number });
});

ponder.on("Gateway:LaneOpened", async ({ event, context }) => {
  await context.db.insert(lane).values({
    outbound: event.args.outboundLane,
    inbound: event.args.inboundLane,
    remoteChain: event.args.chain,
    generation: event.args.generation,
    remoteGateway: event.args.gateway,
    blockNumber: event.block.number,
  });
});

ponder.on("Gateway:LaneEnded", async ({ event, context }) => {
  await context.db
    .update(lane, { outbound: event.args.outboundLane })
    .set({ outboxNonce: event.args.outboxNonce, inbox: event.args.inbox });
});

ponder.on("Gateway:FeePaid", async ({ event, context }) => {
  await context.db.insert(feePaid).values({
    id: event.id,
    destinationChain: event.args.chain,
    generation: event.args.generation,
    nonce: event.args.nonce,
    amount: event.args.amount,
    blockNumber: event.block.number,
    transaction: event.transaction.hash,
  });
});

ponder.on("Gateway:SetRotated", async ({ event, context }) => {
  await context.db.insert(validatorSet).values({
    epoch: event.args.epoch,
    setHash: event.args.setHash,
    hubTime: event.args.hubTime,
    members: event.args.set,
    blockNumber: event.block.number,
  });
});
