import { filesUnder } from '../named-tests.js';
import { checkPage, STATUSES } from './asvs-page.js';

const read = filesUnder(new URL('../../../', import.meta.url));

const { faults, counts, tests } = checkPage(read('docs/security/asvs.md') ?? '', read);
for (const fault of faults) process.stderr.write(`${fault}\n`);
const total = STATUSES.reduce((sum, status) => sum + counts[status], 0);
const line = STATUSES.map((status) => `${status}=${String(counts[status])}`).join(' ');
process.stdout.write(`requirements=${String(total)} ${line} tests=${String(tests.length)}\n`);
if (faults.length > 0) process.exitCode = 1;
