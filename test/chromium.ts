import { accessSync, constants } from 'node:fs';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import type { Browser } from 'playwright-core';

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome'];

/**
 * Starts the Chromium of this machine, without a window.
 *
 * @throws {Error} what to install when there is none: a test that needs a browser does not pass without one
 */
export function startChromium(): Promise<Browser> {
  const executablePath = findProgram();
  // Containers have no user namespaces and little shared memory; it only opens pages of this test.
  const args = ['--no-sandbox', '--disable-dev-shm-usage'];
  return chromium.launch({ executablePath, args, timeout: 120_000 });
}

/** Longer than anything takes that comes to an end. */
const PATIENCE_MS = 90_000;

/** Waits no longer than that: much of what a browser is asked to do has no time limit of its own, and a test that hangs says nothing. */
export async function within<T>(what: string, doing: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const tooLong = new Promise<never>((_, reject) => {
    const fault = new Error(`${what}: no end after ${String(PATIENCE_MS)} ms`);
    timer = setTimeout(() => reject(fault), PATIENCE_MS);
  });
  try {
    return await Promise.race([doing, tooLong]);
  } finally {
    clearTimeout(timer);
  }
}

function findProgram(): string {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const program of PROGRAMS) {
      const file = join(folder, program);
      if (isExecutable(file)) return file;
    }
  }
  throw new Error(
    'This test needs Chromium: run "npm run test:setup", or install it (Debian: apt-get install chromium).',
  );
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A web server for the pages of a front end: an empty page at every path, and the refresh loop as a module. */
export async function startFrontEnd(port: number): Promise<Server> {
  const loop = await readFile(
    join(import.meta.dirname, '../examples/refresh-loop/refresh-loop.mjs'),
    'utf8',
  );
  const server = createServer((request, answer) => {
    const isLoop = request.url === '/refresh-loop.mjs';
    answer.setHeader('content-type', isLoop ? 'text/javascript' : 'text/html; charset=utf-8');
    answer.end(isLoop ? loop : '<!doctype html><title>a front end</title>');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // Both addresses that a browser may reach it by.
    server.listen({ port, host: '127.0.0.1' }, resolve);
  });
  return server;
}
