// The entry of `npm run demo`: says what is missing before anything of ours can run.
import { existsSync } from 'node:fs';

const entry = new URL('./dist/demo/main.js', import.meta.url);
if (existsSync(entry)) {
  await import(entry.href);
} else {
  console.error('Nothing has been built yet. Run "npm start" in another terminal first.');
  process.exitCode = 1;
}
