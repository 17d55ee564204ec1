import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DemoAccounts } from '../embedded-run/demo-accounts.js';
import { demonstrate } from './demonstration.js';
import { startPlainJwtService } from './plain-jwt-service.js';
import { DemoFailure, RunningSystem } from './running-system.js';
import { renderTable, renderTour } from './table.js';
import type { StepRow, TourRow } from './table.js';
import { tourOfSessions } from './tour-of-sessions.js';

const HELP = `Shows what a logout does to a server session, a plain JWT and a Countersign token.

  npm run demo                                  against the system that "npm start" runs in another terminal
  npm run demo -- --url http://localhost:8080   against the gateway there, such as that of "docker compose up"
                  --accounts secrets/demo.json  who signs in; this file is the default with --url

It signs in as the demo customer, and ends all sessions of that account.
`;

async function main(): Promise<void> {
  const { help, url, accounts } = readArguments();
  if (help) {
    console.log(HELP);
    return;
  }
  const { issuer, customer } =
    url === undefined ? await embeddedRun() : await systemAt(url, accounts);
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

interface Target {
  /** The gateway's origin. */
  readonly issuer: string;
  readonly customer: DemoAccounts['customer'];
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        help: { type: 'boolean', default: false },
        url: { type: 'string' },
        accounts: { type: 'string', default: 'secrets/demo.json' },
      },
    }).values;
  } catch (error) {
    throw new DemoFailure(`${(error as Error).message}. See: npm run demo -- --help`);
  }
}

async function embeddedRun(): Promise<Target> {
  const folder = process.env['COUNTERSIGN_STATE_DIR'] ?? '.countersign';
  const whatToDo = 'start the system with "npm start" first';
  const run = await readJson<{ issuer_url: string }>(join(folder, 'run.json'), whatToDo);
  const { customer } = await readJson<DemoAccounts>(join(folder, 'demo.json'), whatToDo);
  return { issuer: run.issuer_url, customer };
}

async function systemAt(url: string, accounts: string): Promise<Target> {
  if (!URL.canParse(url)) throw new DemoFailure('--url is not a URL');
  const whatToDo = '"npm run compose:secrets" makes it; --accounts names another';
  const { customer } = await readJson<Pick<DemoAccounts, 'customer'>>(accounts, whatToDo);
  return { issuer: new URL(url).origin, customer };
}

async function readJson<T>(file: string, whatToDo: string): Promise<T> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch (error) {
    throw new DemoFailure(`${file} cannot be read: ${whatToDo}`, { cause: error });
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
