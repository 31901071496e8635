//! Code in a gateway's place that emits whatever its caller wants: the chain lies about everything it can.

use alloy_primitives::{B256, Bytes, LogData};

/// Bytes of one record: four topics, then the data.
const RECORD: usize = 4 * 32 + DATA;
/// Bytes of each event's data.
const DATA: usize = 192;

/// Runtime code that emits one event for each record of its calldata, with as many topics (1 to 4).
///
/// # Panics
/// For any other number of topics.
pub fn code(topics: u8) -> Bytes {
    assert!((1..=4).contains(&topics), "an event has one to four topics here");
    const DATA_LENGTH: u8 = DATA as u8;
    // PUSH0 (the offset); JUMPDEST; the data to memory.
    let mut code = vec![0x5f, 0x5b, 0x60, DATA_LENGTH, 0x81, 0x60, 0x80, 0x01, 0x5f, 0x37];
    for (pushed, topic) in (0..topics).rev().enumerate() {
        // DUPn the offset; PUSH1 32 × topic; ADD; CALLDATALOAD.
        code.extend([0x80 + pushed as u8, 0x60, 32 * topic, 0x01, 0x35]);
    }
    // PUSH1 length; PUSH0; LOGn; PUSH2 record; ADD; on while the offset is below CALLDATASIZE.
    let [high, low] = (RECORD as u16).to_be_bytes();
    code.extend([0x60, DATA_LENGTH, 0x5f, 0xa0 + topics, 0x61, high, low, 0x01]);
    code.extend([0x36, 0x81, 0x10, 0x60, 0x01, 0x57, 0x00]);
    code.into()
}

/// The record of an event, if its data fits.
pub fn record(event: &LogData) -> Option<Vec<u8>> {
    let mut record: Vec<u8> = event.topics().iter().flat_map(|topic| topic.0).collect();
    record.resize(4 * 32, 0);
    record.extend_from_slice(&event.data);
    (record.len() <= RECORD).then(|| {
        record.resize(RECORD, 0);
        record
    })
}

/// Any topic and data.
pub fn noise(topics: &[B256], data: &[u8]) -> LogData {
    LogData::new_unchecked(topics.to_vec(), Bytes::copy_from_slice(data))
}
