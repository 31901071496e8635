#!/usr/bin/env node
// A `solc` for forge: the compiler that npm ships as WASM, behind the two calls forge makes (--version, --standard-json).
const fs = require("fs");
const path = require("path");
const solc = require("../node_modules/solc");

if (process.argv.includes("--version")) {
    console.log(`solc, the solidity compiler commandline interface\nVersion: ${solc.version()}`);
} else {
    const basePath = process.argv[process.argv.indexOf("--base-path") + 1] || process.cwd();
    const read = (file) => {
        try {
            return {contents: fs.readFileSync(path.resolve(basePath, file), "utf8")};
        } catch (error) {
            return {error: error.message};
        }
    };
    process.stdout.write(solc.compile(fs.readFileSync(0, "utf8"), {import: read}));
}
