#!/usr/bin/env node
import 'reflect-metadata';
import { runCli } from './cli/run-cli.js';

// Whoever reads has enough: `countersign … | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await runCli(process.argv.slice(2), {
  env: process.env,
  folder: process.cwd(),
  input: process.stdin,
  interactive: process.stdin.isTTY,
  writeOut: (text) => process.stdout.write(text),
  writeError: (text) => process.stderr.write(text),
  now: () => Date.now(),
});
