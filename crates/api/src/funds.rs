//! Where the tokens of a transfer are, in words.

use alloy_primitives::B256;
use icc_protocol::{Kind, Message, TokenPayload, TransferState};
use icc_store::MessageStatus;

use crate::reason::utc;

/// Where what a message carries is; `None` if it carries no tokens. Amounts are in the home token's smallest unit.
pub(crate) fn funds(status: &MessageStatus, message: &Message, state: TransferState) -> Option<String> {
    let refund = message.kind == Kind::Refund;
    let carried = if refund { message.payload.get(32..)? } else { &message.payload[..] };
    let payload = TokenPayload::decode(carried)?;
    let transfer = payload.transfer()?;
    let (source, destination) = (status.source_chain, status.destination_chain);
    let amount = format!("{} units of token {}", transfer.amount, short(transfer.token_id));
    let to = account(if refund { transfer.refund_to } else { transfer.to });
    let place = match state {
        _ if status.progress.cancelled => {
            format!("struck from the queue on chain {destination} by the owner")
        }
        TransferState::Queued => {
            let at = status.queued.map_or_else(String::new, |queued| utc(queued.release_at));
            format!("in the queue on chain {destination} until {at}, for {to}")
        }
        TransferState::Forwarded => "counted at home for its final chain, on its way there".to_owned(),
        TransferState::Refunding => format!("on its way back to {}", account(transfer.refund_to)),
        TransferState::Refunded => format!("back with {}", account(transfer.refund_to)),
        TransferState::Delivered | TransferState::Completed => match status.queued {
            Some(queued) if queued.claimable => {
                format!("on chain {destination}, to be claimed by {to}: it could not be handed over")
            }
            _ => format!("with {to} on chain {destination}"),
        },
        // What left home is in its vault, counted for the destination; what left elsewhere was burned there, and is
        // still counted at home.
        _ => format!("left chain {source} for {to} on chain {destination}, backed in full in the home vault"),
    };
    Some(format!("{amount}: {place}"))
}

fn short(id: B256) -> String {
    format!("{:.10}…", id.to_string())
}

/// An EVM account without its padding.
fn account(account: B256) -> String {
    if account[..12].iter().all(|byte| *byte == 0) {
        alloy_primitives::Address::from_word(account).to_string()
    } else {
        account.to_string()
    }
}
