// Signs tokens in a process of its own: takes `{ privateKey, kid, count }` over IPC and prints so many tokens, one a line.
import { createPrivateKey } from 'node:crypto';
import { once } from 'node:events';
import { makeToken } from './verify-fixture.mjs';

process.on('disconnect', () => process.exit());
const [{ privateKey, kid, count }] = await once(process, 'message');
const key = createPrivateKey(privateKey);
for (let left = count; left > 0; left -= 100) {
  const lines = Array.from({ length: Math.min(100, left) }, () =>
    makeToken({ header: { kid }, key }),
  );
  if (!process.stdout.write(`${lines.join('\n')}\n`)) await once(process.stdout, 'drain');
}
process.stdout.end();
process.disconnect();
