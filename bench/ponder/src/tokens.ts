import { ponder } from "ponder:registry";
import { followUp, queued, queueEnded } from "ponder:schema";

ponder.on("TokenBridge:Forwarded", async ({ event, context }) => {
  await context.db.insert(followUp).values({
    messageId: event.args.id,
    why: "forwarded",
    destinationChain: event.args.toChain,
    nonce: event.args.nonce,
    blockNumber: event.block.number,
  });
});

ponder.on("TokenBridge:Returned", async ({ event, context }) => {
  await context.db.insert(followUp).values({
    messageId: event.args.id,
    why: "returned",
    destinationChain: event.args.toChain,
    nonce: event.args.nonce,
    blockNumber: event.block.number,
  });
});

ponder.on("TokenBridge:TransferQueued", async ({ event, context }) => {
  await context.db.insert(queued).values({
    tokenId: event.args.tokenId,
    index: event.args.index,
    messageId: event.args.id,
    amount: event.args.amount,
    releaseAt: BigInt(event.args.releaseAt),
    blockNumber: event.block.number,
  });
});

ponder.on("TokenBridge:QueueReleased", async ({ event, context }) => {
  await context.db.insert(queueEnded).values({
    tokenId: event.args.tokenId,
    index: event.args.index,
    outcome: event.args.claimable ? "claimable" : "released",
    blockNumber: event.block.number,
  });
});

ponder.on("TokenBridge:QueueCancelled", async ({ event, context }) => {
  await context.db.insert(queueEnded).values({
    tokenId: event.args.tokenId,
    index: event.args.index,
    outcome: "cancelled",
    blockNumber: event.block.number,
  });
});
