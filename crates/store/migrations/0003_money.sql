-- Refunds, queues, fees, ended lanes. The chain tables are a view that can be rebuilt: with new columns and events they
-- begin again, and the indexers fill them.
truncate chain_cursor, chain_block, lane_opened, message, delivery, recorded, executed, validator_set;

alter table message add column message_id bytea not null;
create index on message (message_id);

create table expired (
    lane bytea not null,
    nonce bigint not null,
    destination_chain bigint not null,
    message_id bytea not null,
    block_number bigint not null,
    block_hash bytea not null,
    transaction bytea not null,
    primary key (lane, nonce)
);
create index on expired (destination_chain, block_number);

-- Recorded messages that the owner struck: neither executed nor refunded.
create table struck (
    message_id bytea primary key,
    destination_chain bigint not null,
    block_number bigint not null,
    block_hash bytea not null
);
create index on struck (destination_chain, block_number);

create table lane_ended (
    chain_id bigint not null,
    outbound bytea not null,
    inbound bytea not null,
    outbox_nonce bigint not null,
    inbox bytea not null,
    block_number bigint not null,
    block_hash bytea not null,
    primary key (chain_id, outbound)
);

-- A message that led the chain where it arrived to send another one: 0 passed on, 1 sent back, 2 refund.
create table follow_up (
    message_id bytea primary key,
    why smallint not null,
    chain_id bigint not null,
    lane bytea not null,
    nonce bigint not null,
    block_number bigint not null,
    block_hash bytea not null
);
create index on follow_up (chain_id, block_number);
create index on follow_up (lane, nonce);

-- In wei of the source's coin.
create table fee_paid (
    lane bytea not null,
    nonce bigint not null,
    source_chain bigint not null,
    amount numeric(39) not null,
    block_number bigint not null,
    block_hash bytea not null,
    transaction bytea not null,
    log_index bigint not null,
    primary key (block_hash, log_index)
);
create index on fee_paid (lane, nonce);
create index on fee_paid (source_chain, block_number);

create table queued (
    chain_id bigint not null,
    token_id bytea not null,
    index bigint not null,
    message_id bytea not null,
    amount numeric(39) not null,
    release_at bigint not null,
    block_number bigint not null,
    block_hash bytea not null,
    primary key (chain_id, token_id, index)
);
create index on queued (message_id);

-- 0 released, 1 waits to be claimed, 2 struck by the owner. A struck entry is later taken off the queue as well: its
-- first end counts.
create table queue_ended (
    chain_id bigint not null,
    token_id bytea not null,
    index bigint not null,
    outcome smallint not null,
    block_number bigint not null,
    block_hash bytea not null,
    transaction bytea not null,
    primary key (chain_id, token_id, index, outcome)
);
create index on queue_ended (chain_id, block_number);
