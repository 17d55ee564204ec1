import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { watchOverChildren } from './parent-watch.js';
import { isAlive } from './process-table.js';

/** Not our child, so that it is reaped when it ends. */
async function startStranger(): Promise<number> {
  const shell = spawn('/bin/sh', ['-c', 'sleep 60 >/dev/null 2>&1 & echo $!']);
  const [output] = (await once(shell.stdout, 'data')) as [Buffer];
  return Number(output.toString());
}

async function isGoneWithin(pid: number, milliseconds: number): Promise<boolean> {
  for (let waited = 0; waited < milliseconds && isAlive(pid); waited += 50) await sleep(50);
  return !isAlive(pid);
}

it('the children of a process that was killed are ended, except those that were taken off the list', async () => {
  const [watched, removed] = [await startStranger(), await startStranger()];
  const module = fileURLToPath(new URL('../dist/parent-watch.js', import.meta.url));
  const parent = spawn(process.execPath, [
    '--input-type=module',
    '--eval',
    `import { watchOverChildren } from ${JSON.stringify(module)};
     const watch = watchOverChildren();
     watch.add(${watched}, 'SIGTERM');
     watch.add(${removed}, 'SIGTERM');
     watch.remove(${removed});
     console.log('watching');
     setInterval(() => undefined, 1000);`,
  ]);
  await once(parent.stdout, 'data');
  await sleep(100);
  expect(isAlive(watched)).toBe(true);

  parent.kill('SIGKILL');
  expect(await isGoneWithin(watched, 20_000)).toBe(true);
  expect(isAlive(removed)).toBe(true);
  process.kill(removed, 'SIGKILL');
});

it('a watch that is closed ends nobody', async () => {
  const watched = await startStranger();
  const watch = watchOverChildren();
  watch.add(watched, 'SIGTERM');
  watch.close();
  expect(await isGoneWithin(watched, 500)).toBe(false);
  process.kill(watched, 'SIGKILL');
});
