//! What becomes of a relay's transactions: dropped, stuck, replaced, overtaken, out of gas, too dear, unpaid, behind a
//! gap. The faults are the testkit's; `make chaos` repeats them under load.

use icc_devnet::Role;
use icc_store::Store;
use icc_testkit::{scene::Scene, transactions};

use crate::shared::{Bridge, with_bridge};

/// From the first chain to the third, the fastest.
fn scene(bridge: &Bridge) -> Scene<'_> {
    Scene { devnet: &bridge.devnet, from: 0, to: 2, token: bridge.tokens[0] }
}

macro_rules! faults {
    ($($(#[$what:meta])* $fault:ident: $name:ident)*) => {$(
        $(#[$what])*
        #[test]
        fn $name() {
            with_bridge(async |bridge| {
                transactions::$fault(&scene(bridge)).await.unwrap();
                bridge.audit().await;
            });
        }
    )*};
}

faults! {
    dropped: a_dropped_delivery_is_offered_again
    stuck: for_a_stuck_delivery_more_is_offered_and_people_are_told
    replaced: a_nonce_that_another_process_took_is_left_to_it
    front_run: who_delivers_half_of_a_batch_first_does_not_hold_up_the_rest
    out_of_gas: what_runs_out_of_gas_is_made_again_with_more
    base_fee_spike: a_base_fee_above_the_cap_is_waited_out_and_told
    signers_without_funds: a_signer_without_funds_is_replaced_and_none_at_all_is_told
    funds_gone_while_waiting: a_delivery_whose_signer_has_become_poor_is_waited_for
    nonce_ahead: a_nonce_that_jumps_ahead_is_followed
    nonce_gap: a_gap_that_a_reorg_leaves_is_filled
}

/// The transaction of a core that died in the pool does not hold up those that live.
#[test]
fn a_delivery_that_a_dead_core_left_in_the_pool_is_offered_again() {
    with_bridge(async |bridge| {
        let Bridge { devnet, tokens } = bridge;
        let cores = [Role::Core(0), Role::Core(1)];
        let mut processes: Vec<_> = cores.iter().map(|core| devnet.processes.remove(core).unwrap()).collect();
        let scene = Scene { devnet, from: 0, to: 2, token: tokens[0] };
        let restart = async || {
            processes.iter_mut().for_each(icc_devnet::Managed::kill);
            processes.iter_mut().try_for_each(icc_devnet::Managed::restart)
        };
        transactions::abandoned(&scene, restart).await.unwrap();
        devnet.processes.extend(cores.into_iter().zip(processes));
        bridge.audit().await;
    });
}

/// What a core said of a lane before it died does not outlive the trouble.
#[test]
fn a_dead_cores_note_goes_with_the_next_delivery() {
    with_bridge(async |bridge| {
        let sent = {
            let scene = scene(bridge);
            transactions::take_funds(&scene).await.unwrap();
            let sent = scene.send(1).await.unwrap();
            scene.is_told(sent, "too little to pay for gas").await.unwrap();
            sent
        };
        for core in [0, 1] {
            bridge.devnet.process(Role::Core(core)).unwrap().kill();
        }
        transactions::fund(&scene(bridge)).await.unwrap();
        for core in [0, 1] {
            bridge.devnet.process(Role::Core(core)).unwrap().restart().unwrap();
        }
        let arrived = scene(bridge).arrives(sent).await.unwrap();
        let store = Store::connect(&bridge.devnet.postgres.url(), 1).await.unwrap();
        let lane = arrived[0].lane.parse().unwrap();
        let status = store.message_status(lane, arrived[0].nonce).await.unwrap().unwrap();
        assert_eq!(status.relay_note, None);
        bridge.audit().await;
    });
}
