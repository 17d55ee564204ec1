import 'reflect-metadata';
import { runService } from '@countersign/service-host';
import { startIdentity } from './start-identity.js';

await runService(() => startIdentity(process.env));
