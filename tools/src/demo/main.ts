import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DemoAccounts } from '../embedded-run/demo-accounts.js';
import { demonstrate } from './demonstration.js';
import { startPlainJwtService } from './plain-jwt-service.js';
import { DemoFailure, RunningSystem } from './running-system.js';
import { renderTable, renderTour } from './table.js';
import type { StepRow, TourRow } from './table.js';
import { tourOfSessions } from './tour-of-sessions.js';

const HELP = `Shows what a logout does to a server session, a plain JWT and a Countersign token.

  npm run demo        against the system that "npm start" runs in another terminal

It signs in as the demo customer, and ends all sessions of that account.
`;

async function main(): Promise<void> {
  if (process.argv.includes('--help')) {
    console.log(HELP);
    return;
  }
  const { issuer_url: issuer } = await readState<{ issuer_url: string }>('run.json');
  const { customer } = await readState<DemoAccounts>('demo.json');
  console.log(`Against ${issuer}, as ${customer.email}, three times:\n`);
  const system = new RunningSystem(issuer);
  await system.request('GET', '/.well-known/jwks.json');
  const plain = await startPlainJwtService(issuer);
  try {
    await showAll<StepRow>(renderTable, (tell) => demonstrate(system, plain, customer, tell));
  } finally {
    await plain.close();
  }
  console.log(`
"Server session" is delivery "session": the browser holds an opaque cookie, which the gateway swaps for a token that
goes no further than orders; the token dies with the session.
"Plain JWT" is a service that verifies by itself, as JWTs are meant to be, and hears of no logout.
"Countersign token" went through the gateway to orders, which verified it by itself as well: no call
to anyone, and yet the logout had reached it.
`);
  await showAll<TourRow>(renderTour, (tell) => tourOfSessions(system, customer, tell));
}

/** Shows what was told, also when it stops half-way. */
async function showAll<Row>(
  render: (rows: readonly Row[]) => string,
  go: (tell: (row: Row) => void) => Promise<void>,
): Promise<void> {
  const rows: Row[] = [];
  try {
    await go((row) => rows.push(row));
  } finally {
    if (rows.length > 0) console.log(render(rows));
  }
}

async function readState<T>(name: string): Promise<T> {
  const folder = process.env['COUNTERSIGN_STATE_DIR'] ?? '.countersign';
  try {
    return JSON.parse(await readFile(join(folder, name), 'utf8')) as T;
  } catch (error) {
    throw new DemoFailure(
      `${join(folder, name)} cannot be read: start the system with "npm start" first`,
      { cause: error },
    );
  }
}

try {
  await main();
} catch (error) {
  console.error(
    error instanceof DemoFailure ? `\nThe demonstration stopped: ${error.message}` : error,
  );
  process.exitCode = 1;
}
