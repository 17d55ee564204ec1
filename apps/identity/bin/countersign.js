#!/usr/bin/env node
// Stays in the repository, so that it is there and executable before the first build.
import { existsSync } from 'node:fs';

const program = new URL('../dist/cli.js', import.meta.url);
if (existsSync(program)) await import(program.href);
else {
  console.error('countersign has not been built yet: npm run build');
  process.exitCode = 2;
}
