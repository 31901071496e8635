-- What one chain says of a message counts for that chain alone: keys that another chain could take name the chain as well.
truncate chain_cursor, chain_block, lane_opened, message, delivery, recorded, executed, validator_set, expired, struck,
    lane_ended, follow_up, fee_paid, queued, queue_ended;

alter table struck drop constraint struck_pkey;
alter table struck add primary key (destination_chain, message_id);
alter table follow_up drop constraint follow_up_pkey;
alter table follow_up add primary key (chain_id, message_id);

-- A block's hash names no chain: another one's nodes could serve the same header.
alter table fee_paid drop constraint fee_paid_pkey;
alter table fee_paid add primary key (source_chain, block_number, log_index);
