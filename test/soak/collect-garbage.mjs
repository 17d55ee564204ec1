// Loaded before every process of a soak: what is garbage goes soon, so that what a process holds is what it keeps.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');
setInterval(runInNewContext('gc'), 5_000).unref();
