import 'reflect-metadata';
import { runService } from '@countersign/service-host';
import { startOrders } from './start-orders.js';

await runService(() => startOrders(process.env));
