// Many instances of a relying service in one process, for bench:growth: each with its own keys, revocations, feed and check-ins.
import { createTokenVerifier } from '../libs/token-verifier/dist/index.js';

const { count, ...settings } = JSON.parse(process.argv[2]);
const fleet = Array.from({ length: count }, () => createTokenVerifier(settings));
await Promise.all(fleet.map((verifier) => verifier.ready({ timeoutMs: 60_000 })));
process.send('ready');
process.once('message', () => {
  void Promise.all(fleet.map((verifier) => verifier.close())).then(() => process.disconnect());
});
