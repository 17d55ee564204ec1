import 'reflect-metadata';
import { runService } from '@countersign/service-host';
import { startPayments } from './start-payments.js';

await runService(() => startPayments(process.env));
