//! The chain tables as text, to compare two databases: they must be the same, byte for byte, for all final blocks.

use icc_protocol::ChainId;
use sqlx::{AssertSqlSafe, query_scalar};

use crate::{
    Store, StoreError,
    convert::{chain, number},
};

/// Table, the column of the chain, the column of the block, and the natural key.
const TABLES: [(&str, &str, &str, &str); 14] = [
    ("chain_block", "chain_id", "number", "number"),
    ("lane_opened", "chain_id", "block_number", "outbound"),
    ("message", "source_chain", "block_number", "lane, nonce"),
    ("delivery", "destination_chain", "block_number", "lane, to_nonce"),
    ("recorded", "destination_chain", "block_number", "lane, nonce"),
    ("executed", "destination_chain", "block_number", "lane, nonce"),
    ("validator_set", "chain_id", "block_number", "epoch"),
    ("expired", "destination_chain", "block_number", "lane, nonce"),
    ("struck", "destination_chain", "block_number", "message_id"),
    ("lane_ended", "chain_id", "block_number", "outbound"),
    ("follow_up", "chain_id", "block_number", "message_id"),
    ("fee_paid", "source_chain", "block_number", "block_number, log_index"),
    ("queued", "chain_id", "block_number", "token_id, index"),
    ("queue_ended", "chain_id", "block_number", "token_id, index, outcome"),
];

impl Store {
    /// Every row of a chain's tables up to and including a final block, in the order of tables and keys.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn chain_rows(&self, id: ChainId, up_to: u64) -> Result<Vec<String>, StoreError> {
        let (id, up_to) = (chain(id)?, number(up_to, "block")?);
        let mut rows = Vec::new();
        for (table, chain_column, block_column, key) in TABLES {
            // Names from the list above alone.
            let sql = format!(
                "select '{table}' || t::text from {table} t
                 where {chain_column} = $1 and {block_column} <= $2 order by {key}"
            );
            let table_rows: Vec<String> =
                query_scalar(AssertSqlSafe(sql)).bind(id).bind(up_to).fetch_all(&self.pool).await?;
            rows.extend(table_rows);
        }
        Ok(rows)
    }
}
