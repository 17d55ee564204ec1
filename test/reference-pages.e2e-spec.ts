import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

it('docs/configuration.md and docs/commands.md say what the code does', () => {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, ['tools/reference-pages.mjs', '--check'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect([status, stderr]).toEqual([0, '']);
});
