// Loaded before identity by `bench:issue --self-check`: breaks what is measured, in one way.
import childProcess, { ChildProcess } from 'node:child_process';
import crypto from 'node:crypto';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { fileURLToPath } from 'node:url';

const isServing = process.send === undefined;

function spend(ms) {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

const faults = {
  'slow-refresh'() {
    const { sign } = crypto;
    crypto.sign = (...given) => {
      if (isServing) for (let n = 0; n < 3; n += 1) sign(given[0], given[1], given[2]);
      return sign(...given);
    };
    syncBuiltinESMExports();
  },
  'slow-login'() {
    if (isServing) {
      const { fork } = childProcess;
      const options = {
        execArgv: ['--import', fileURLToPath(import.meta.url)],
        env: { BENCH_FAULT: process.env.BENCH_FAULT },
      };
      childProcess.fork = (program, given) => fork(program, { ...given, ...options });
      syncBuiltinESMExports();
      return;
    }
    const argon2 = createRequire(import.meta.url)('@node-rs/argon2');
    const { verifySync } = argon2;
    argon2.verifySync = (...given) => verifySync(...given) && verifySync(...given);
  },
  'no-way-round'() {
    const { send } = ChildProcess.prototype;
    ChildProcess.prototype.send = function (...given) {
      if (isServing) spend(30);
      return send.apply(this, given);
    };
  },
  memory() {
    if (isServing) globalThis.kept = Buffer.alloc(700 * 1024 * 1024, 1);
  },
};

faults[process.env.BENCH_FAULT]?.();
