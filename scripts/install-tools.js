// forge and anvil for platforms other than the one whose packages the lock file pins (the npm client cannot lock
// optional packages of platforms that a registry mirror lacks). Does nothing where they are installed.
const {execFileSync} = require("child_process");
const fs = require("fs");
const path = require("path");

const VERSION = "1.7.1";
const arch = {x64: "amd64", arm64: "arm64"}[process.arch];
const missing = ["anvil", "forge"]
    .map((tool) => `@foundry-rs/${tool}-${process.platform}-${arch}`)
    .filter((name) => !fs.existsSync(path.join(__dirname, "..", "node_modules", name)));
if (missing.length > 0) {
    const packages = missing.map((name) => `${name}@${VERSION}`);
    execFileSync("npm", ["install", "--no-save", ...packages], {stdio: "inherit", cwd: path.join(__dirname, "..")});
}
