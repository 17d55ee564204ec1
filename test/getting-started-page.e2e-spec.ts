import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import { enterLine, pathWithCountersign, readPage, shellLinesUnder } from './page-commands.js';
import { freePorts, Stack, until } from './stack.js';
import type { CliResult } from './stack.js';

jest.setTimeout(180_000);

const page = readPage('docs/getting-started.md');
const [, sample = ''] = /^```js\n([^]*?)^```$/m.exec(page)!;

let stack: Stack;
let env: Record<string, string>;
/** Not that of the page: something else may listen there. */
let port: string;

beforeAll(async () => {
  stack = await Stack.start();
  port = String((await freePorts(1))[0]);
  env = {
    PATH: pathWithCountersign(stack.folder),
    COUNTERSIGN_OPERATOR_URL: stack.url('operator'),
    COUNTERSIGN_OPERATOR_TOKEN: await stack.addOperator('alice', ['read', 'end-sessions', 'keys']),
    API: stack.url('gateway'),
  };
  mkdirSync(join(stack.folder, '.countersign'));
  // Libraries are found as in a checkout.
  const modules = fileURLToPath(new URL('../node_modules', import.meta.url));
  symlinkSync(modules, join(stack.folder, 'node_modules'));
  writeFileSync(join(stack.folder, 'invoices.mjs'), sample.replace('4100', port));
});
afterAll(() => stack.stop());

/** Enters a line of the page where the run is, which is not at the ports that the page shows. */
async function enter(line: string): Promise<CliResult> {
  const text = line.replace('npx countersign', 'countersign').replace(':4100', `:${port}`);
  return enterLine(text, { env, cwd: stack.folder });
}

it('a service of your own is told of, verifies, hears of a log-out; when it was stopped nothing waits for it', async () => {
  for (const line of shellLinesUnder(page, '2. Tell identity about your service'))
    expect([line, await enter(line)]).toEqual([line, expect.objectContaining({ code: 0 })]);

  const [first = '', second = ''] = shellLinesUnder(page, '3. Write it');
  const start = `${first.replace(/\\$/, '')} ${second}`
    .replace('http://localhost:8080', stack.url('gateway'))
    .replace('http://localhost:3005', stack.url('service'));
  const service = spawn('sh', ['-c', `exec env ${start}`], { cwd: stack.folder, env });
  let said = '';
  for (const stream of [service.stdout, service.stderr])
    stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
  try {
    await until(async () => {
      if (service.exitCode !== null) throw new Error(said);
      return (await fetch(`http://127.0.0.1:${port}`)).status === 401;
    }, 30_000);
    env['TOKEN'] = await stack.signIn(await stack.addAccount('ann@example.test'));
    const [use = '', list = '', logOut = '', again = '', explain = ''] = shellLinesUnder(
      page,
      '4. Use it, log out, be refused',
    );
    expect((await enter(use)).out).toContain('no invoices for');
    expect((await enter(list)).out).toMatch(/^invoices .* current /m);
    const asked = performance.now();
    const { out: loggedOut } = await enter(logOut);
    // Unless the machine stands still for the two seconds that are waited for it.
    if (performance.now() - asked < 2_000) expect(loggedOut).toContain('"status":"applied"');
    else await until(async () => (await enter(again)).out.includes('revoked'), 30_000);
    expect((await enter(again)).out).toContain('"code":"revoked"');
    expect((await enter(explain)).out).toContain('invoices');

    // Ctrl-C.
    service.kill('SIGINT');
    const [code] = (await once(service, 'exit')) as [number | null];
    expect([code, said]).toEqual([0, '']);
  } finally {
    service.kill('SIGKILL');
  }
  const instancesOf = async (id: string) => {
    const { out } = await enter('countersign services list --json');
    const { items } = JSON.parse(out) as { items: { id: string; instances: unknown[] }[] };
    return items.find((one) => one.id === id)?.instances;
  };
  expect(await instancesOf('invoices')).toEqual([]);
  expect(page).toContain('Ctrl-C in the second terminal first');
  for (const line of shellLinesUnder(page, 'Clear up')) {
    const began = performance.now();
    const { code, out, err } = await enter(line);
    expect([line, code]).toEqual([line, 0]);
    // Unless the machine stood still for as long as the command waits.
    if (performance.now() - began < 2_000)
      expect(out + err).not.toContain('not known to be applied');
  }
});
