import { index, onchainTable, primaryKey } from "ponder";

// The columns of crates/store/migrations, without those that our indexer computes (leaf, accumulator, message id, lane
// of a message): ponder has less to do, not more.

export const message = onchainTable(
  "message",
  (t) => ({
    sourceChain: t.integer().notNull(),
    destinationChain: t.bigint().notNull(),
    generation: t.integer().notNull(),
    nonce: t.bigint().notNull(),
    encoded: t.hex().notNull(),
    blockNumber: t.bigint().notNull(),
    blockHash: t.hex().notNull(),
    blockTimestamp: t.bigint().notNull(),
    transaction: t.hex().notNull(),
    logIndex: t.integer().notNull(),
  }),
  (table) => ({
    pk: primaryKey({
      columns: [table.sourceChain, table.destinationChain, table.generation, table.nonce],
    }),
    transactionIndex: index().on(table.transaction),
    blockIndex: index().on(table.sourceChain, table.blockNumber),
  }),
);

export const delivery = onchainTable(
  "delivery",
  (t) => ({
    lane: t.hex().notNull(),
    toNonce: t.bigint().notNull(),
    fromNonce: t.bigint().notNull(),
    destinationChain: t.integer().notNull(),
    accumulator: t.hex().notNull(),
    blockNumber: t.bigint().notNull(),
    blockHash: t.hex().notNull(),
    transaction: t.hex().notNull(),
    logIndex: t.integer().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.lane, table.toNonce] }) }),
);

/** What becomes of one delivered message: recorded, executed, expired. */
export const step = onchainTable(
  "step",
  (t) => ({
    lane: t.hex().notNull(),
    nonce: t.bigint().notNull(),
    kind: t.text().notNull(),
    messageId: t.hex().notNull(),
    /** Reason of a record, nonce of a refund. */
    detail: t.bigint(),
    blockNumber: t.bigint().notNull(),
    blockHash: t.hex().notNull(),
    transaction: t.hex().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.lane, table.nonce, table.kind] }) }),
);

export const struck = onchainTable("struck", (t) => ({
  messageId: t.hex().primaryKey(),
  blockNumber: t.bigint().notNull(),
}));

export const lane = onchainTable("lane", (t) => ({
  outbound: t.hex().primaryKey(),
  inbound: t.hex().notNull(),
  remoteChain: t.bigint().notNull(),
  generation: t.integer().notNull(),
  remoteGateway: t.hex().notNull(),
  blockNumber: t.bigint().notNull(),
  outboxNonce: t.bigint(),
  inbox: t.hex(),
}));

export const feePaid = onchainTable("fee_paid", (t) => ({
  id: t.text().primaryKey(),
  destinationChain: t.bigint().notNull(),
  generation: t.integer().notNull(),
  nonce: t.bigint().notNull(),
  amount: t.bigint().notNull(),
  blockNumber: t.bigint().notNull(),
  transaction: t.hex().notNull(),
}));

export const validatorSet = onchainTable("validator_set", (t) => ({
  epoch: t.bigint().primaryKey(),
  setHash: t.hex().notNull(),
  hubTime: t.bigint().notNull(),
  members: t.hex().notNull(),
  blockNumber: t.bigint().notNull(),
}));

export const followUp = onchainTable("follow_up", (t) => ({
  messageId: t.hex().primaryKey(),
  why: t.text().notNull(),
  destinationChain: t.bigint().notNull(),
  nonce: t.bigint().notNull(),
  blockNumber: t.bigint().notNull(),
}));

export const queued = onchainTable(
  "queued",
  (t) => ({
    tokenId: t.hex().notNull(),
    index: t.bigint().notNull(),
    messageId: t.hex().notNull(),
    amount: t.bigint().notNull(),
    releaseAt: t.bigint().notNull(),
    blockNumber: t.bigint().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.tokenId, table.index] }) }),
);

export const queueEnded = onchainTable(
  "queue_ended",
  (t) => ({
    tokenId: t.hex().notNull(),
    index: t.bigint().notNull(),
    outcome: t.text().notNull(),
    blockNumber: t.bigint().notNull(),
  }),
  (table) => ({ pk: primaryKey({ columns: [table.tokenId, table.index, table.outcome] }) }),
);
