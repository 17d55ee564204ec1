// The entry of `npm start`: checks what must be there before anything of ours can run, builds, and goes on in
// tools/src/embedded-run. Plain JavaScript, and old JavaScript where an old Node has to be told that it is too old.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [major, minor] = process.versions.node.split('.').map(Number);

if (major < 20 || (major === 20 && minor < 19)) {
  leave(
    `Countersign needs Node 20.19 or newer (24 is recommended); this is Node ${process.versions.node}.`,
  );
}

const compiler = `${root}node_modules/typescript/bin/tsc`;
const entry = new URL('./dist/embedded-run/main.js', import.meta.url);
const asksForHelp = process.argv.includes('--help') && existsSync(entry);
if (existsSync(compiler) && !asksForHelp) {
  console.log('building (the first time takes a while)');
  const { status } = spawnSync(process.execPath, [compiler, '-b', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (status !== 0) leave('The build failed; the messages above say where.');
} else if (!existsSync(entry)) {
  leave('The packages are not installed. Run: npm ci');
}

import(entry.href).catch((error) => leave(error.stack));

function leave(message) {
  console.error(message);
  process.exit(1);
}
