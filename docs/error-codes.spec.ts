import { readFileSync } from 'node:fs';
import { GENERAL_PROBLEMS } from '@countersign/service-host';
import { REFUSALS } from '@countersign/token-verifier';
import { EDGE_ANSWERS } from '../apps/gateway/src/edge/answers.js';
import { FORWARD_AUTH_PROBLEMS } from '../apps/identity/src/forward-auth/forward-auth-problems.js';
import { ALL_PROBLEMS } from '../apps/identity/src/listeners/problems.js';
import { OAUTH_ERRORS } from '../apps/identity/src/oauth/oauth-error.js';
import { ORDER_PROBLEMS } from '../apps/orders/src/orders/order-error.js';
import { PAYMENTS_PROBLEMS } from '../apps/orders/src/payments/payments-error.js';
import { PAYMENT_PROBLEMS } from '../apps/payments/src/payments/payment-error.js';

const page = readFileSync(new URL('error-codes.md', import.meta.url), 'utf8');

/** `code status` of each row of a section. */
function rowsOf(heading: string): string[] {
  const section = page.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  const rows = [...section.matchAll(/^\| `(\w+)` +\| (\d+) +\| \S/gm)];
  return rows.map(([, code = '', status = '']) => `${code} ${status}`).sort();
}
const rows = (table: Readonly<Record<string, { readonly status: number } | number>>) =>
  Object.entries(table)
    .map(([code, row]) => `${code} ${String(typeof row === 'number' ? row : row.status)}`)
    .sort();
const without = (table: object, ...others: object[]) => {
  const said = new Set(others.flatMap((other) => Object.keys(other)));
  return Object.fromEntries(Object.entries(table).filter(([code]) => !said.has(code))) as Record<
    string,
    { readonly status: number }
  >;
};
const edge = Object.values(EDGE_ANSWERS).map(({ problem: { code, status } }) => [code, { status }]);

it.each([
  [['Access tokens'], rows(REFUSALS)],
  [
    ['Accounts and sessions', 'Services and operators'],
    rows(without(ALL_PROBLEMS, GENERAL_PROBLEMS, REFUSALS, FORWARD_AUTH_PROBLEMS)),
  ],
  [['OAuth endpoints'], rows(OAUTH_ERRORS)],
  [['Any service'], rows(GENERAL_PROBLEMS)],
  [['Gateway'], rows(Object.fromEntries(edge) as Record<string, { status: number }>)],
  [['Forward auth'], rows(FORWARD_AUTH_PROBLEMS)],
  [['Sample services'], rows({ ...ORDER_PROBLEMS, ...PAYMENTS_PROBLEMS, ...PAYMENT_PROBLEMS })],
])('the page has the codes of the code, and no others: %s', (headings, expected) => {
  expect(headings.flatMap(rowsOf).sort()).toEqual(expected);
});
