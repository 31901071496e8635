//! What a user does with tokens and messages, through an [`Account`].

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use icc_chain::ChainError;
use icc_protocol::ChainId;

use crate::{
    Account,
    bindings::{DemoToken, Gateway, ITokenBridge, TokenBridge},
};

/// A user on one chain of the bridge.
pub struct BridgeUser<'a> {
    /// Who sends and pays.
    pub account: &'a Account,
    /// The chain's token bridge.
    pub token_bridge: Address,
}

/// Identifies a token on all chains: keccak256(abi.encode(home chain, home token)).
pub fn token_id(home: ChainId, token: Address) -> B256 {
    keccak256((U256::from(home.0), token.into_word()).abi_encode())
}

/// A deposit to be made.
#[derive(Debug, Clone)]
pub struct TokenDeposit {
    /// The token on this chain; `None`: native coin.
    pub token: Option<Address>,
    /// In its smallest unit.
    pub amount: U256,
    /// Where to.
    pub to: ChainId,
    /// Who receives it.
    pub recipient: Address,
    /// UNIX seconds after which what could not be handed over comes back; 0: never.
    pub deadline: u64,
    /// Gas and data of a call to the recipient.
    pub call: Option<(u32, Bytes)>,
}

impl TokenDeposit {
    /// A deposit that waits for ever rather than come back, without a call.
    pub fn new(token: Address, amount: U256, to: ChainId, recipient: Address) -> Self {
        Self { token: Some(token), amount, to, recipient, deadline: 0, call: None }
    }
}

/// A message to be sent.
#[derive(Debug, Clone)]
pub struct OutgoingMessage {
    /// Where to.
    pub to: ChainId,
    /// The contract that receives it.
    pub recipient: Address,
    /// Gas for its call.
    pub gas_limit: u32,
    /// UNIX seconds after which it is refunded; 0: never.
    pub deadline: u64,
    /// Its payload.
    pub payload: Bytes,
}

impl BridgeUser<'_> {
    /// Registers a home token down the lane to another chain, and pays `fee` for it; returns the transaction.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn register(&self, token: Address, to: ChainId, fee: U256) -> Result<B256, ChainError> {
        let call = TokenBridge::registerTokenCall { token, destinationChain: to.0 };
        Ok(self.account.pay(self.token_bridge, call, fee).await?.transaction)
    }

    /// What a registration's delivery costs, in wei.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn quote_registration(&self, to: ChainId) -> Result<U256, ChainError> {
        let gas = self.account.view(self.token_bridge, TokenBridge::REGISTRATION_GASCall {}).await?;
        // As long as one can be.
        let payload = U256::from(160);
        let call = Gateway::quoteCall { chain: to.0, gasLimit: gas, deadline: 0, payloadLength: payload };
        self.account.view(self.account.chain().gateway, call).await
    }

    /// Whether a token can be moved to a chain: a home token that is registered there, or a wrapper, which can always
    /// go home, and which home passes on to other chains.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn can_move(&self, token: Address, to: ChainId) -> Result<bool, ChainError> {
        let id = self.account.view(self.token_bridge, TokenBridge::idOfCall { token }).await?;
        if id.is_zero() {
            return Ok(false);
        }
        let home =
            self.account.view(self.token_bridge, TokenBridge::tokenOfCall { tokenId: id }).await?.homeChain;
        if home != self.account.chain().id.0 {
            return Ok(true);
        }
        let call = TokenBridge::isRegisteredCall { tokenId: id, chain: to.0 };
        self.account.view(self.token_bridge, call).await
    }

    /// The contract of the chain's wrapped native coin.
    ///
    /// # Errors
    /// [`ChainError::Misconfigured`] if native coin is not bridged.
    pub async fn wrapped_native(&self) -> Result<Address, ChainError> {
        let wrapped = self.account.view(self.token_bridge, TokenBridge::wrappedNativeCall {}).await?;
        if wrapped.is_zero() {
            let chain = self.account.chain();
            return Err(ChainError::Misconfigured(format!("chain {} does not bridge its coin", chain.id)));
        }
        Ok(wrapped)
    }

    /// What the delivery of a deposit costs, in wei; of both legs if it goes through home.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn quote(&self, deposit: &TokenDeposit) -> Result<U256, ChainError> {
        let d = self.encode(deposit).await?;
        self.account.view(self.token_bridge, TokenBridge::quoteCall { d }).await
    }

    /// Moves tokens to another chain and pays `fee` for it; approves first where it must. Returns the deposit's
    /// transaction.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn deposit(&self, deposit: &TokenDeposit, fee: U256) -> Result<B256, ChainError> {
        let d = self.encode(deposit).await?;
        if deposit.token.is_none() {
            let value = deposit.amount.saturating_add(fee);
            let call = TokenBridge::depositNativeCall { d };
            return Ok(self.account.pay(self.token_bridge, call, value).await?.transaction);
        }
        self.approve(d.token, deposit.amount).await?;
        if deposit.call.is_some() {
            let call = TokenBridge::depositAndCallCall { d };
            return Ok(self.account.pay(self.token_bridge, call, fee).await?.transaction);
        }
        let call = TokenBridge::depositCall {
            token: d.token,
            amount: d.amount,
            destinationChain: d.chain,
            to: d.to,
            refundTo: d.refundTo,
            deadline: d.deadline,
        };
        Ok(self.account.pay(self.token_bridge, call, fee).await?.transaction)
    }

    /// Lets the token bridge take tokens, where it takes them by allowance: wrappers it burns without.
    async fn approve(&self, token: Address, amount: U256) -> Result<(), ChainError> {
        let id = self.account.view(self.token_bridge, TokenBridge::idOfCall { token }).await?;
        let info = self.account.view(self.token_bridge, TokenBridge::tokenInfoCall { tokenId: id }).await?;
        // Wrapper and ERC-7802 (see ITokenBridge.Kind).
        if matches!(info.kind, 2 | 3) {
            return Ok(());
        }
        let (owner, spender) = (self.account.address(), self.token_bridge);
        let allowed = self.account.view(token, DemoToken::allowanceCall { owner, spender }).await?;
        if allowed < amount {
            self.account.send(token, DemoToken::approveCall { spender, value: amount }).await?;
        }
        Ok(())
    }

    async fn encode(&self, deposit: &TokenDeposit) -> Result<ITokenBridge::Deposit, ChainError> {
        let token = match deposit.token {
            Some(token) => token,
            None => self.wrapped_native().await?,
        };
        let (call_gas, call) = deposit.call.clone().unwrap_or_default();
        Ok(ITokenBridge::Deposit {
            token,
            amount: deposit.amount,
            chain: deposit.to.0,
            to: deposit.recipient.into_word(),
            refundTo: self.account.address().into_word(),
            deadline: deposit.deadline,
            callGas: call_gas,
            call,
        })
    }

    /// Sends a message to a contract of another chain and pays `fee` for it; returns the transaction.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn message(&self, message: &OutgoingMessage, fee: U256) -> Result<B256, ChainError> {
        let call = Gateway::sendCall {
            destinationChain: U256::from(message.to.0),
            recipient: message.recipient.into_word(),
            gasLimit: message.gas_limit,
            deadline: message.deadline,
            payload: message.payload.clone(),
        };
        Ok(self.account.pay(self.account.chain().gateway, call, fee).await?.transaction)
    }

    /// What a message's delivery costs, in wei.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn quote_message(&self, message: &OutgoingMessage) -> Result<U256, ChainError> {
        let call = Gateway::quoteCall {
            chain: message.to.0,
            gasLimit: message.gas_limit,
            deadline: message.deadline,
            payloadLength: U256::from(message.payload.len()),
        };
        self.account.view(self.account.chain().gateway, call).await
    }

    /// A deadline must be at least this many seconds ahead.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn min_deadline_delay(&self) -> Result<u64, ChainError> {
        self.account.view(self.account.chain().gateway, Gateway::minDeadlineDelayCall {}).await
    }

    /// A holder's balance of a token (or wrapper) on this chain.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn balance(&self, token: Address, holder: Address) -> Result<U256, ChainError> {
        self.account.view(token, DemoToken::balanceOfCall { account: holder }).await
    }

    /// A token's decimals.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn decimals(&self, token: Address) -> Result<u8, ChainError> {
        self.account.view(token, DemoToken::decimalsCall {}).await
    }

    /// A token's supply on this chain.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn supply(&self, token: Address) -> Result<U256, ChainError> {
        self.account.view(token, DemoToken::totalSupplyCall {}).await
    }

    /// The token's address on this chain; zero if it is not known here.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn local(&self, id: B256) -> Result<Address, ChainError> {
        Ok(self.account.view(self.token_bridge, TokenBridge::tokenOfCall { tokenId: id }).await?.local)
    }

    /// What this chain, the token's home, counts as held by another.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn held(&self, id: B256, by: ChainId) -> Result<U256, ChainError> {
        let call = TokenBridge::heldCall { tokenId: id, chain: by.0 };
        self.account.view(self.token_bridge, call).await.map(U256::from)
    }

    /// What waits in a token's queue and what waits to be claimed here, in units of the home token.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn waiting(&self, id: B256) -> Result<U256, ChainError> {
        let queue = self.account.view(self.token_bridge, TokenBridge::queueOfCall { tokenId: id }).await?;
        let claims = self.account.view(self.token_bridge, TokenBridge::claimsOfCall { tokenId: id }).await?;
        Ok(U256::from(queue.waiting).saturating_add(U256::from(claims)))
    }

    /// Creates a contract and returns its address.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn create(&self, bytecode: &Bytes, arguments: &[u8]) -> Result<Address, ChainError> {
        let init_code = [bytecode.as_ref(), arguments].concat();
        let nonce = self.account.nonce().await?;
        self.account.transact(None, init_code.into()).await?;
        Ok(self.account.address().create(nonce))
    }

    /// Sends any call.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn call<C: SolCall>(&self, to: Address, call: C) -> Result<B256, ChainError> {
        Ok(self.account.send(to, call).await?.transaction)
    }
}
