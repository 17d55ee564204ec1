import { existsSync, readFileSync } from 'node:fs';
import { checkPage, STATUSES } from './asvs-page.js';

const root = new URL('../../../', import.meta.url);
const read = (path: string) => {
  const url = new URL(path, root);
  return existsSync(url) ? readFileSync(url, 'utf8') : undefined;
};

const { faults, counts, tests } = checkPage(read('docs/security/asvs.md') ?? '', read);
for (const fault of faults) process.stderr.write(`${fault}\n`);
const total = STATUSES.reduce((sum, status) => sum + counts[status], 0);
const line = STATUSES.map((status) => `${status}=${String(counts[status])}`).join(' ');
process.stdout.write(`requirements=${String(total)} ${line} tests=${String(tests.length)}\n`);
if (faults.length > 0) process.exitCode = 1;
