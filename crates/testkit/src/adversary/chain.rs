//! A chain with one lane, and forks of it: real headers over a real state.

use std::collections::BTreeMap;

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use alloy_trie::{HashBuilder, Nibbles, TrieAccount, proof::ProofRetainer};
use icc_evm_proof::outbox_slots;
use icc_protocol::{ChainId, Kind, Lane, Message, NetworkId, fold};

pub(super) const HERE: ChainId = ChainId(1);
pub(super) const THERE: ChainId = ChainId(2);
pub(super) const NETWORK: NetworkId = NetworkId(B256::repeat_byte(9));
pub(super) const GATEWAY: Address = Address::repeat_byte(2);
const REMOTE: Address = Address::repeat_byte(3);

pub(super) fn lane() -> Lane {
    Lane {
        network: NETWORK,
        source_chain: HERE,
        source_gateway: GATEWAY.into_word(),
        destination_chain: THERE,
        destination_gateway: REMOTE.into_word(),
        generation: 1,
    }
}

/// A block, and what is sent in it.
#[derive(Debug, Clone)]
pub(super) struct Block {
    pub(super) header: Header,
    pub(super) hash: B256,
    pub(super) messages: Vec<Bytes>,
    pub(super) nonce: u64,
    pub(super) accumulator: B256,
}

impl Block {
    /// Of the height 0, with an open lane on which nothing was sent.
    pub(super) fn first() -> Self {
        Self::seal(Header::default(), Vec::new(), (0, lane().id().0))
    }

    /// The next one, with so many messages; `salt` makes block and messages others than any before.
    pub(super) fn next(&self, count: u64, salt: u64) -> Self {
        let messages = (1..=count).map(|offset| {
            let message = Message {
                kind: Kind::Call,
                nonce: self.nonce + offset,
                deadline: 0,
                gas_limit: 1,
                sender: B256::ZERO,
                recipient: B256::ZERO,
                payload: Bytes::from(salt.to_be_bytes().to_vec()),
            };
            Bytes::from(message.encode())
        });
        let messages: Vec<Bytes> = messages.collect();
        let accumulator = messages.iter().fold(self.accumulator, |so_far, one| fold(so_far, keccak256(one)));
        let header = Header {
            parent_hash: self.hash,
            number: self.header.number + 1,
            timestamp: self.header.timestamp + 1,
            extra_data: Bytes::from(salt.to_be_bytes().to_vec()),
            ..Header::default()
        };
        Self::seal(header, messages, (self.nonce + count, accumulator))
    }

    fn seal(mut header: Header, messages: Vec<Bytes>, (nonce, accumulator): (u64, B256)) -> Self {
        let mut block = Self { header: header.clone(), hash: B256::ZERO, messages, nonce, accumulator };
        header.state_root = block.account_proof().0;
        block.hash = header.hash_slow();
        block.header = header;
        block
    }

    fn storage(&self) -> BTreeMap<B256, U256> {
        let word = U256::from(self.nonce) | U256::from(1u64) << 64;
        let values =
            [U256::from_be_bytes(self.accumulator.0), word, U256::from_be_bytes(REMOTE.into_word().0)];
        outbox_slots(THERE.0).into_iter().zip(values).collect()
    }

    /// The value of a storage slot of the gateway, and its proof.
    pub(super) fn storage_proof(&self, slot: B256) -> (U256, Vec<Bytes>) {
        let storage = self.storage();
        let leaves = storage.iter().map(|(slot, value)| (keccak256(slot), alloy_rlp::encode(value)));
        let (_, proof) = trie(&leaves.collect(), keccak256(slot));
        (storage.get(&slot).copied().unwrap_or_default(), proof)
    }

    pub(super) fn account(&self) -> TrieAccount {
        let storage = self.storage();
        let leaves = storage.iter().map(|(slot, value)| (keccak256(slot), alloy_rlp::encode(value)));
        let (root, _) = trie(&leaves.collect(), B256::ZERO);
        TrieAccount::new(1, U256::ZERO, root, KECCAK256_EMPTY)
    }

    /// The state root, and the proof of the gateway's account.
    pub(super) fn account_proof(&self) -> (B256, Vec<Bytes>) {
        let key = keccak256(GATEWAY);
        trie(&BTreeMap::from([(key, alloy_rlp::encode(self.account()))]), key)
    }
}

/// Root of a trie and the proof of one key.
fn trie(leaves: &BTreeMap<B256, Vec<u8>>, key: B256) -> (B256, Vec<Bytes>) {
    let target = Nibbles::unpack(key);
    let mut builder = HashBuilder::default().with_proof_retainer(ProofRetainer::new(vec![target]));
    for (key, value) in leaves {
        builder.add_leaf(Nibbles::unpack(key), value);
    }
    let root = builder.root();
    let nodes = builder.take_proof_nodes().matching_nodes_sorted(&target);
    (root, nodes.into_iter().map(|(_, node)| node).collect())
}

/// Every block there is, the true chain, and forks of it.
pub(super) struct World {
    pub(super) blocks: BTreeMap<B256, Block>,
    /// Chains by height, the true one first. A fork has the true blocks below it.
    pub(super) chains: Vec<Vec<B256>>,
    /// Height of the newest block that is final on the true chain.
    pub(super) finalized: u64,
    salt: u64,
}

/// Forks kept.
const MAX_FORKS: usize = 6;

impl World {
    pub(super) fn new() -> Self {
        let first = Block::first();
        let chains = vec![vec![first.hash]];
        Self { blocks: BTreeMap::from([(first.hash, first)]), chains, finalized: 0, salt: 0 }
    }

    pub(super) fn tip(&self, chain: usize) -> u64 {
        self.chains.get(chain).map_or(0, |chain| chain.len() as u64 - 1)
    }

    /// The block of a chain at a height.
    pub(super) fn at(&self, chain: usize, height: u64) -> Option<&Block> {
        let hash = self.chains.get(chain)?.get(usize::try_from(height).ok()?)?;
        self.blocks.get(hash)
    }

    /// A block on top of a chain.
    pub(super) fn grow(&mut self, chain: usize, messages: u64) {
        self.salt += 1;
        let Some(tip) = self.at(chain, self.tip(chain)) else { return };
        let block = tip.next(messages, self.salt);
        if let Some(chain) = self.chains.get_mut(chain) {
            chain.push(block.hash);
        }
        self.blocks.insert(block.hash, block);
    }

    /// As many blocks of the true chain as are not final are replaced by as many others.
    pub(super) fn reorg(&mut self, depth: u64) {
        let depth = depth.min(self.tip(0) - self.finalized);
        let kept = self.chains[0].len() - usize::try_from(depth).unwrap_or(0);
        self.chains[0].truncate(kept);
        for _ in 0..depth {
            self.grow(0, 1);
        }
    }

    /// A fork of the true chain from a height on; returns its number.
    pub(super) fn fork(&mut self, height: u64, messages: &[u64]) -> usize {
        if self.chains.len() > MAX_FORKS {
            self.chains.remove(1);
        }
        let kept = usize::try_from(height.min(self.tip(0))).unwrap_or(0) + 1;
        self.chains.push(self.chains[0][..kept].to_vec());
        let number = self.chains.len() - 1;
        for count in messages {
            self.grow(number, *count);
        }
        number
    }

    /// What is true of each nonce that is final.
    pub(super) fn truth(&self) -> BTreeMap<u64, B256> {
        let mut truth = BTreeMap::new();
        let (mut nonce, mut accumulator) = (0, lane().id().0);
        for height in 0..=self.finalized {
            for message in self.at(0, height).into_iter().flat_map(|block| &block.messages) {
                nonce += 1;
                accumulator = fold(accumulator, keccak256(message));
                truth.insert(nonce, accumulator);
            }
        }
        truth
    }
}
