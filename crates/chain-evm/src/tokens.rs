//! What a user does with tokens and messages, through an [`Account`].

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_sol_types::{SolCall, SolValue};
use icc_chain::ChainError;
use icc_protocol::ChainId;

use crate::{
    Account,
    bindings::{DemoToken, Gateway, TokenBridge},
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

impl BridgeUser<'_> {
    /// Registers a home token down the lane to another chain; returns the transaction.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn register(&self, token: Address, to: ChainId) -> Result<B256, ChainError> {
        let call = TokenBridge::registerTokenCall { token, destinationChain: to.0 };
        Ok(self.account.send(self.token_bridge, call).await?.transaction)
    }

    /// Whether a home token can be moved to a chain (wrappers can always go home).
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn is_registered(&self, token: Address, to: ChainId) -> Result<bool, ChainError> {
        let id = self.account.view(self.token_bridge, TokenBridge::idOfCall { token }).await?;
        if id.is_zero() {
            return Ok(false);
        }
        let home =
            self.account.view(self.token_bridge, TokenBridge::tokenOfCall { tokenId: id }).await?.homeChain;
        if home != self.account.chain().id.0 {
            return Ok(home == to.0);
        }
        let call = TokenBridge::isRegisteredCall { tokenId: id, chain: to.0 };
        self.account.view(self.token_bridge, call).await
    }

    /// Moves tokens to another chain; approves first where it must. Returns the deposit's transaction.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn deposit(
        &self,
        token: Address,
        amount: U256,
        to: ChainId,
        recipient: Address,
    ) -> Result<B256, ChainError> {
        let owner = self.account.address();
        let id = self.account.view(self.token_bridge, TokenBridge::idOfCall { token }).await?;
        let place = self.account.view(self.token_bridge, TokenBridge::tokenOfCall { tokenId: id }).await?;
        if place.homeChain == self.account.chain().id.0 {
            let spender = self.token_bridge;
            let allowed = self.account.view(token, DemoToken::allowanceCall { owner, spender }).await?;
            if allowed < amount {
                self.account.send(token, DemoToken::approveCall { spender, value: amount }).await?;
            }
        }
        let call = TokenBridge::depositCall {
            token,
            amount,
            destinationChain: to.0,
            to: recipient.into_word(),
            refundTo: owner.into_word(),
        };
        Ok(self.account.send(self.token_bridge, call).await?.transaction)
    }

    /// Sends a message to a contract of another chain; returns the transaction.
    ///
    /// # Errors
    /// Any [`ChainError`].
    pub async fn message(
        &self,
        to: ChainId,
        recipient: Address,
        gas_limit: u32,
        payload: Bytes,
    ) -> Result<B256, ChainError> {
        let call = Gateway::sendCall {
            destinationChain: to.0,
            recipient: recipient.into_word(),
            gasLimit: gas_limit,
            deadline: 0,
            payload,
        };
        Ok(self.account.send(self.account.chain().gateway, call).await?.transaction)
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
