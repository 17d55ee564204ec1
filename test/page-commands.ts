import { execFile } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CliResult } from './stack.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/** A page of the documentation whose commands a test runs, by its path in the repository. */
export const readPage = (path: string): string => readFileSync(join(root, path), 'utf8');

/** The lines of all shell blocks of a text, those inside of lists too. */
export function shellLines(text: string): string[] {
  return [...text.matchAll(/^ *```sh\n([^]*?)^ *```$/gm)].flatMap(([, block = '']) =>
    block
      .trim()
      .split('\n')
      .map((line) => line.trim()),
  );
}

/** Those under a heading of the second level. */
export const shellLinesUnder = (page: string, heading: string): string[] =>
  shellLines(page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`)) ?? '');

/** Makes a folder with the built `countersign` in it. @returns the PATH that begins with it */
export function pathWithCountersign(folder: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin, { recursive: true });
  const command = join(bin, 'countersign');
  const program = join(root, 'apps/identity/dist/cli.js');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(command, 0o755);
  return `${bin}:${process.env['PATH'] ?? ''}`;
}

/** Enters a line at a shell. */
export function enterLine(
  line: string,
  options: { readonly env: NodeJS.ProcessEnv; readonly cwd?: string },
): Promise<CliResult> {
  return new Promise((resolve) => {
    const child = execFile('sh', ['-c', line], options, (_error, out, err) =>
      resolve({ code: child.exitCode, out, err }),
    );
  });
}
