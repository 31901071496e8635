-- A view of the chains. Natural keys, no clock, no serial: indexing again from nothing gives the same rows for all
-- final blocks. Hashes, addresses (32 bytes) and encoded messages are bytea; numbers fit bigint and are checked.

create table chain_cursor (
    chain_id bigint primary key,
    gateway bytea not null,
    -- The last block whose events are stored.
    number bigint not null,
    hash bytea not null,
    final_number bigint not null,
    head_number bigint not null
);

-- Blocks with events, and all that are not final yet (to find the way back after a reorg).
create table chain_block (
    chain_id bigint not null,
    number bigint not null,
    hash bytea not null,
    parent bytea not null,
    timestamp bigint not null,
    has_events boolean not null,
    primary key (chain_id, number)
);

create table lane_opened (
    chain_id bigint not null,
    gateway bytea not null,
    remote_chain bigint not null,
    remote_gateway bytea not null,
    generation bigint not null,
    outbound bytea not null,
    inbound bytea not null,
    block_number bigint not null,
    block_hash bytea not null,
    primary key (chain_id, outbound)
);
create index on lane_opened (chain_id, remote_chain, generation);

create table message (
    lane bytea not null,
    nonce bigint not null,
    source_chain bigint not null,
    destination_chain bigint not null,
    encoded bytea not null,
    leaf bytea not null,
    accumulator bytea not null,
    block_number bigint not null,
    block_hash bytea not null,
    transaction bytea not null,
    log_index bigint not null,
    primary key (lane, nonce)
);
create index on message (lane, accumulator);
create index on message (transaction);
create index on message (source_chain, block_number);

create table delivery (
    lane bytea not null,
    to_nonce bigint not null,
    from_nonce bigint not null,
    destination_chain bigint not null,
    accumulator bytea not null,
    block_number bigint not null,
    block_hash bytea not null,
    transaction bytea not null,
    log_index bigint not null,
    primary key (lane, to_nonce)
);
create index on delivery (destination_chain, block_number);

create table recorded (
    lane bytea not null,
    nonce bigint not null,
    destination_chain bigint not null,
    message_id bytea not null,
    reason smallint not null,
    block_number bigint not null,
    block_hash bytea not null,
    transaction bytea not null,
    primary key (lane, nonce)
);
create index on recorded (destination_chain, block_number);

create table executed (
    lane bytea not null,
    nonce bigint not null,
    destination_chain bigint not null,
    message_id bytea not null,
    block_number bigint not null,
    block_hash bytea not null,
    transaction bytea not null,
    primary key (lane, nonce)
);
create index on executed (destination_chain, block_number);

create table validator_set (
    chain_id bigint not null,
    epoch bigint not null,
    set_hash bytea not null,
    hub_time bigint not null,
    members bytea not null,
    block_number bigint not null,
    block_hash bytea not null,
    primary key (chain_id, epoch)
);
