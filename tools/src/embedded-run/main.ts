import { fileURLToPath } from 'node:url';
import { runEmbedded, StopRequested } from './embedded-run.js';
import { openTerminal } from './terminal.js';

const terminal = openTerminal(process.stdout, process.env);
process.stdout.on('error', () => undefined); // The terminal may be gone before we are.

const ending = new AbortController();
const hurry = new AbortController();
let firstSignalAt = 0;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (firstSignalAt === 0) {
      firstSignalAt = performance.now();
      terminal.print('\nstopping; press Ctrl-C again to hurry');
      ending.abort(new StopRequested());
    } else if (performance.now() - firstSignalAt > 1_000) {
      // Sooner it is the same Ctrl-C: npm sends on what the terminal has sent to both.
      hurry.abort();
    }
  });
}

const exitCode = await runEmbedded({
  args: process.argv.slice(2),
  env: process.env,
  projectRoot: fileURLToPath(new URL('../../..', import.meta.url)),
  terminal,
  ending,
  hurry: hurry.signal,
});
process.exit(exitCode);
