import type { Case } from './case.js';
import { CREDENTIALS, OTHER_SITES, TWO_OF_A_KIND } from './credential-cases.js';
import { BODIES, HEADERS, LARGE_HEADERS, METHODS, PATHS } from './request-cases.js';

/** All that every gateway is asked. */
export const CASES: readonly Case[] = [
  ...CREDENTIALS,
  ...TWO_OF_A_KIND,
  ...OTHER_SITES,
  ...HEADERS,
  ...LARGE_HEADERS,
  ...METHODS,
  ...PATHS,
  ...BODIES,
];
