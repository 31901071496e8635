//! Attestations that must not count.

use alloy_primitives::B256;
use serde_json::{Value, json};

use crate::shared::with_bridge;

/// Bad bodies are refused with the field's name; nothing of them is stored, nothing else is disturbed.
#[test]
fn bad_attestations_are_refused_by_field() {
    with_bridge(async |bridge| {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = bridge.devnet.core_urls[0].join("v1/attestations").unwrap();
        let post = async |body: String| {
            let request = client.post(url.clone()).header("content-type", "application/json").body(body);
            let response = request.send().await.unwrap();
            (response.status().as_u16(), response.text().await.unwrap())
        };
        let one = |lane: &str, nonce: Value, accumulator: &str, signature: &str| {
            json!({"attestations": [
                {"lane": lane, "nonce": nonce, "accumulator": accumulator, "signature": signature}
            ]})
            .to_string()
        };
        let (hash, signature) = (B256::repeat_byte(1).to_string(), format!("0x{}", "11".repeat(64)));
        for (body, status, says) in [
            ("{".to_owned(), 400, "body"),
            ("{\"attestations\": 5}".to_owned(), 422, "attestations"),
            ("{\"attestations\": [], \"more\": 1}".to_owned(), 422, "more"),
            (one("0x12", json!(1), &hash, &signature), 422, "lane"),
            (one(&hash, json!(-1), &hash, &signature), 422, "nonce"),
            (one(&hash, json!(1), "zz", &signature), 422, "accumulator"),
            (one(&hash, json!(1), &hash, "0x11"), 422, "signature"),
            (one(&hash, json!(1), &hash, &signature), 200, "lane"),
            ("[".repeat(400_000), 413, ""),
        ] {
            let (got, text) = post(body.clone()).await;
            let shown: String = body.chars().take(80).collect();
            assert_eq!(got, status, "{shown}: {text}");
            assert!(text.contains(says), "{shown}: {text:?} does not name {says}");
        }
        let many = json!({"attestations": vec![
            json!({"lane": hash, "nonce": 1, "accumulator": hash, "signature": signature}); 257
        ]});
        let (status, text) = post(many.to_string()).await;
        assert!(status == 400 && text.contains("at most 256"), "{status} {text}");

        // A stranger's signature on a real lane.
        let account = bridge.account(0);
        let remote = icc_chain_evm::bindings::IGateway::Remote {
            chain: bridge.id(1).0,
            generation: 1,
            gateway: bridge.devnet.configs[1].gateway.into_word(),
        };
        let gateway = bridge.devnet.configs[0].gateway;
        let call = icc_chain_evm::bindings::Gateway::laneToCall { remote };
        let lane = account.view(gateway, call).await.unwrap();
        let (status, text) = post(one(&lane.to_string(), json!(1), &hash, &signature)).await;
        assert!(status == 200 && text.contains("signature") && text.contains("\"accepted\":0"), "{text}");

        for path in ["v1/transactions/0x12", "v1/messages/0x12/1", &format!("v1/messages/{lane}/0")] {
            let response = client.get(bridge.devnet.core_urls[0].join(path).unwrap()).send().await.unwrap();
            assert_eq!(response.status(), 400, "{path}");
        }
    });
}
