import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { lockFaults } from './lock-faults.js';
import type { LockFile } from './lock-faults.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What npm answers: counts, or that it could not ask. */
interface Audit {
  readonly metadata?: { readonly vulnerabilities: Readonly<Record<string, number>> };
}

const faults = ['package-lock.json', 'bench/package-lock.json'].flatMap((path) =>
  lockFaults(JSON.parse(readFileSync(`${root}${path}`, 'utf8')) as LockFile),
);
for (const fault of faults) process.stderr.write(`${fault}\n`);
process.stdout.write(`lock files: ${String(faults.length)} fault(s)\n`);
if (faults.length > 0) process.exitCode = 1;

const { stdout } = spawnSync('npm', ['audit', '--omit=dev', '--json'], {
  cwd: root,
  encoding: 'utf8',
  timeout: 60_000,
});
const found = auditOf(stdout).metadata?.vulnerabilities;
if (!found) {
  process.stderr.write('the registry could not be asked for known faults: do it where it can be\n');
  process.exitCode ??= 2;
} else {
  const { total = 0 } = found;
  process.stdout.write(`known faults in what runs: ${String(total)}\n`);
  if (total > 0) {
    process.stdout.write('npm audit --omit=dev says which\n');
    process.exitCode = 1;
  }
}

function auditOf(text: string | null): Audit {
  try {
    return JSON.parse(text ?? '') as Audit;
  } catch {
    return {};
  }
}
