//! Rust types of the contracts, from the committed artifacts.
#![allow(missing_docs, clippy::too_many_arguments, unreachable_pub)]

use alloy_sol_types::sol;

pub use self::{
    board::MessageBoard,
    demo::DemoToken,
    gateway::{Gateway, IGateway, IReportRecipient},
    native::WrappedNative,
    no_op::NoOpReceiver,
    pay_many::PayMany,
    registry::{IValidatorRegistry, ValidatorRegistry},
    timelock::Timelock,
    tokens::{ITokenBridge, TokenBridge},
    wrapped::WrappedToken,
};

mod gateway {
    use super::sol;
    sol!(
        #[derive(Debug, PartialEq, Eq)]
        Gateway,
        "../../contracts/artifacts/Gateway.json"
    );
}

mod tokens {
    use super::sol;
    sol!(
        #[derive(Debug, PartialEq, Eq)]
        TokenBridge,
        "../../contracts/artifacts/TokenBridge.json"
    );
}

mod wrapped {
    use super::sol;
    sol!(
        #[derive(Debug, PartialEq, Eq)]
        WrappedToken,
        "../../contracts/artifacts/WrappedToken.json"
    );
}

mod native {
    use super::sol;
    sol!(
        #[derive(Debug, PartialEq, Eq)]
        WrappedNative,
        "../../contracts/artifacts/WrappedNative.json"
    );
}

mod timelock {
    use super::sol;
    sol!(
        #[derive(Debug, PartialEq, Eq)]
        Timelock,
        "../../contracts/artifacts/Timelock.json"
    );
}

mod demo {
    use super::sol;
    sol!(
        #[derive(Debug, PartialEq, Eq)]
        DemoToken,
        "../../contracts/artifacts/DemoToken.json"
    );
}

mod pay_many {
    use super::sol;
    sol!(
        #[derive(Debug, PartialEq, Eq)]
        PayMany,
        "../../contracts/artifacts/PayMany.json"
    );
}

mod no_op {
    use super::sol;
    sol!(
        #[derive(Debug, PartialEq, Eq)]
        NoOpReceiver,
        "../../contracts/artifacts/NoOpReceiver.json"
    );
}

mod registry {
    use super::sol;
    sol!(
        #[derive(Debug, PartialEq, Eq)]
        ValidatorRegistry,
        "../../contracts/artifacts/ValidatorRegistry.json"
    );
}

mod board {
    use super::sol;
    sol!(
        #[derive(Debug, PartialEq, Eq)]
        MessageBoard,
        "../../contracts/artifacts/MessageBoard.json"
    );
}
