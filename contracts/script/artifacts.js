#!/usr/bin/env node
// Writes contracts/artifacts (ABI and bytecode of what is deployed) from forge's output; `--check` compares instead.
const fs = require("fs");
const path = require("path");

const CONTRACTS = [
    "Gateway",
    "ValidatorRegistry",
    "TokenBridge",
    "WrappedToken",
    "WrappedNative",
    "Timelock",
    "DemoToken",
    "MessageBoard",
    "NoOpReceiver",
    "PayMany",
];
const root = path.join(__dirname, "..");
const check = process.argv.includes("--check");
let stale = 0;

for (const name of CONTRACTS) {
    const built = JSON.parse(fs.readFileSync(path.join(root, "out", `${name}.sol`, `${name}.json`), "utf8"));
    const text = JSON.stringify({abi: built.abi, bytecode: {object: built.bytecode.object}}, null, 1) + "\n";
    const file = path.join(root, "artifacts", `${name}.json`);
    if (!check) {
        fs.writeFileSync(file, text);
    } else if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== text) {
        console.error(`contracts/artifacts/${name}.json is not what the sources compile to; run: make artifacts`);
        stale = 1;
    }
}
process.exit(stale);
