import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimFolder } from './claim-folder.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'claim-folder-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** What a process leaves that was killed. Its id may be that of another process by now, here ours. */
const staleMark = JSON.stringify({ pid: process.pid, started: 'long ago' });

/** @returns the releases of those that got it */
async function claimAtOnce(times: number): Promise<(() => Promise<void>)[]> {
  const claims = await Promise.allSettled(Array.from({ length: times }, () => claimFolder(folder)));
  return claims.flatMap((claim) => {
    if (claim.status === 'fulfilled') return [claim.value];
    expect(claim.reason).toMatchObject({ code: 'in_use' });
    return [];
  });
}

it('is for one at a time, and free again after it was given up', async () => {
  const release = await claimFolder(folder);
  await expect(claimFolder(folder)).rejects.toThrow(`in use by process ${process.pid} `);
  await release();
  await (
    await claimFolder(folder)
  )();
  await release();
  expect(await readdir(folder)).toHaveLength(1);
});

it.each([
  ['of a process that is gone', staleMark],
  ['that was cut off', '{"pid":1,"sta'],
])('a mark %s does not count', async (_, mark) => {
  await writeFile(join(folder, 'owner.7.json'), mark);
  await claimFolder(folder);
  const files = await readdir(folder);
  expect(files).toEqual(['owner.8.json']);
  const file = join(folder, files[0]!);
  expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({ pid: process.pid });
  expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600');
});

it('after a crash, of many that start at once one gets it', async () => {
  for (let round = 0; round < 30; round += 1) {
    await rm(folder, { recursive: true, force: true });
    folder = await mkdtemp(join(tmpdir(), 'claim-folder-'));
    await writeFile(join(folder, 'owner.1.json'), staleMark);
    expect(await claimAtOnce(8)).toHaveLength(1);
  }
});

it('while it changes hands all the time, nobody ever has it together with somebody else', async () => {
  let owners = 0;
  let turns = 0;
  const comeAndGo = async () => {
    for (let tries = 0; tries < 40; tries += 1) {
      const release = await claimFolder(folder).catch(() => undefined);
      if (!release) continue;
      owners += 1;
      turns += 1;
      expect(owners).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      owners -= 1;
      await release();
    }
  };
  await Promise.all(Array.from({ length: 6 }, comeAndGo));
  expect(turns).toBeGreaterThan(1);
});

it('a folder that was deleted meanwhile is given up without complaint', async () => {
  const release = await claimFolder(folder);
  await rm(folder, { recursive: true });
  await expect(release()).resolves.toBeUndefined();
});
